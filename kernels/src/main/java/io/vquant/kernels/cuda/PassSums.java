package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import org.jspecify.annotations.Nullable;

/**
 * What the observed rows of a pass of several look at: a sum of attention weights for each hot
 * token and KV head, {@code [numKvHeads, stride]}. Layers go through a pass one after the other, so
 * one such memory serves all.
 */
final class PassSums {
  private final CudaRuntime runtime;
  private final int numKvHeads;
  private @Nullable DeviceMemory memory;
  private int stride;

  PassSums(CudaRuntime runtime, int numKvHeads) {
    this.runtime = runtime;
    this.numKvHeads = numKvHeads;
  }

  /** Makes room for so many hot tokens; the sums are undefined. */
  void reserve(int hotTokens) {
    if (hotTokens > stride) {
      DeviceMemory larger = runtime.allocate((long) numKvHeads * hotTokens * Float.BYTES);
      close();
      memory = larger;
      stride = hotTokens;
    }
  }

  void clear() {
    if (memory != null) {
      runtime.stream().zero(memory.address(), memory.byteSize());
    }
  }

  long address() {
    return memory == null ? 0 : memory.address();
  }

  int stride() {
    return stride;
  }

  void close() {
    if (memory != null) {
      runtime.free(memory);
      memory = null;
    }
  }
}
