package io.vquant.kernels.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The arguments and the shape of one launch; reused, so that launching allocates nothing. */
public final class KernelCall implements AutoCloseable {
  private static final int MAX_ARGUMENTS = 48;
  private static final int CONFIG_BYTES = 56;
  private static final int ATTRIBUTE_BYTES = 72;

  /** CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION of cuda.h. */
  private static final int PROGRAMMATIC_STREAM_SERIALIZATION = 6;

  private final CudaFunction function;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment values = arena.allocate(8L * MAX_ARGUMENTS, 8);
  private final MemorySegment addresses = arena.allocate(8L * MAX_ARGUMENTS, 8);
  private final MemorySegment config = arena.allocate(CONFIG_BYTES, 8);
  private final MemorySegment attribute = arena.allocate(ATTRIBUTE_BYTES, 8);
  private int count;
  private int shared;

  KernelCall(CudaFunction function) {
    this.function = function;
    for (int i = 0; i < MAX_ARGUMENTS; i++) {
      addresses.setAtIndex(ValueLayout.JAVA_LONG, i, values.address() + 8L * i);
    }
    attribute.set(ValueLayout.JAVA_INT, 0, PROGRAMMATIC_STREAM_SERIALIZATION);
    attribute.set(ValueLayout.JAVA_INT, 8, 1);
  }

  void reset() {
    count = 0;
    shared = 0;
  }

  /** A pointer or a 64-bit integer. */
  public KernelCall int64(long value) {
    values.setAtIndex(ValueLayout.JAVA_LONG, count++, value);
    return this;
  }

  public KernelCall int32(int value) {
    values.set(ValueLayout.JAVA_INT, 8L * count++, value);
    return this;
  }

  public KernelCall float32(float value) {
    values.set(ValueLayout.JAVA_FLOAT, 8L * count++, value);
    return this;
  }

  /** Dynamic shared memory of each block. */
  public KernelCall sharedMemory(int byteSize) {
    shared = byteSize;
    return this;
  }

  /**
   * Enqueues the kernel; a grid without blocks is no work. It may start before the one before it
   * has ended (programmatic dependent launch), so every kernel waits before it touches what others
   * use.
   */
  public void launch(CudaStream stream, int blocksX, int blocksY, int blocksZ, int threads) {
    if (blocksX == 0 || blocksY == 0 || blocksZ == 0) {
      return;
    }
    config.setAtIndex(ValueLayout.JAVA_INT, 0, blocksX);
    config.setAtIndex(ValueLayout.JAVA_INT, 1, blocksY);
    config.setAtIndex(ValueLayout.JAVA_INT, 2, blocksZ);
    config.setAtIndex(ValueLayout.JAVA_INT, 3, threads);
    config.setAtIndex(ValueLayout.JAVA_INT, 4, 1);
    config.setAtIndex(ValueLayout.JAVA_INT, 5, 1);
    config.setAtIndex(ValueLayout.JAVA_INT, 6, shared);
    config.set(ValueLayout.JAVA_LONG, 32, stream.address());
    config.set(ValueLayout.JAVA_LONG, 40, attribute.address());
    config.set(ValueLayout.JAVA_INT, 48, 1);
    stream.launcher().launch(function.name(), config, function.handle(), addresses);
  }

  @Override
  public void close() {
    arena.close();
  }
}
