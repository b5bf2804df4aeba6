package io.vquant.kernels.cpu;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/** Memory that an operator may overwrite while it runs. It grows, and is freed with its owner. */
final class Scratch implements AutoCloseable {

  private static final int ALIGNMENT = 64;

  private @Nullable Arena arena;
  private long address;
  private long byteSize;

  /** The address of at least {@code bytes} bytes; what was there before is lost when it grows. */
  long atLeast(long bytes) {
    if (bytes > byteSize) {
      close();
      Arena grown = Arena.ofShared();
      address = grown.allocate(bytes, ALIGNMENT).address();
      arena = grown;
      byteSize = bytes;
    }
    return address;
  }

  @Override
  public void close() {
    if (arena != null) {
      arena.close();
      arena = null;
      byteSize = 0;
    }
  }
}
