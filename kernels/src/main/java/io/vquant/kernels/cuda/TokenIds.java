package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The ids of one pass, checked and copied to the device. */
final class TokenIds {
  private static final int FIRST_IDS = 1024;

  private final CudaRuntime runtime;
  private final int vocabSize;
  private MemorySegment host;
  private DeviceMemory device;

  TokenIds(CudaRuntime runtime, int vocabSize) {
    this.runtime = runtime;
    this.vocabSize = vocabSize;
    host = onHost(FIRST_IDS);
    device = runtime.allocate(host.byteSize());
  }

  private static MemorySegment onHost(int count) {
    return Arena.ofAuto().allocate((long) count * Integer.BYTES, Integer.BYTES);
  }

  /**
   * Enqueues copying {@code count} ids.
   *
   * @return where they will be, as 32-bit integers
   */
  long upload(int[] tokenIds, int first, int count) {
    check(tokenIds, first, count);
    if (count == 1) {
      runtime.stream().fill(device.address(), tokenIds[first], 1);
      return device.address();
    }
    long byteSize = (long) count * Integer.BYTES;
    if (byteSize > host.byteSize()) {
      host = onHost(Math.max(count, (int) Math.min(host.byteSize() / 2, 1 << 20)));
      runtime.free(device);
      device = runtime.allocate(host.byteSize());
    }
    MemorySegment.copy(tokenIds, first, host, ValueLayout.JAVA_INT, 0, count);
    runtime.stream().copyToDevice(device.address(), host.asSlice(0, byteSize));
    return device.address();
  }

  private void check(int[] tokenIds, int first, int count) {
    if (first < 0 || count > tokenIds.length - first) {
      throw new IllegalArgumentException(
          "embedding of token ids %d + %d: there are %d".formatted(first, count, tokenIds.length));
    }
    for (int i = first; i < first + count; i++) {
      if (tokenIds[i] < 0 || tokenIds[i] >= vocabSize) {
        throw new IllegalArgumentException(
            "token id %d at index %d: expected 0 to %d".formatted(tokenIds[i], i, vocabSize - 1));
      }
    }
  }
}
