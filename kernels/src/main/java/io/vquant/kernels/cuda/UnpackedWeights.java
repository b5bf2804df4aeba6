package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.quant.UnpackedRange;
import org.jspecify.annotations.Nullable;

/**
 * Memory that weights in codes are unpacked to, one after the other: two blocks in turn, so that
 * unpacking need not wait for the product before it.
 */
final class UnpackedWeights {
  private final CudaRuntime runtime;
  private final @Nullable DeviceMemory[] blocks = new DeviceMemory[UnpackedRange.BUFFERS];
  private long byteSize;
  private int turn;

  UnpackedWeights(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Makes each block hold this much: asked for while weights are loaded. */
  void reserve(long bytes) {
    if (bytes <= byteSize) {
      return;
    }
    byteSize = bytes;
    for (int i = 0; i < blocks.length; i++) {
      DeviceMemory old = blocks[i];
      if (old != null) {
        runtime.synchronize();
        runtime.free(old);
      }
      blocks[i] = runtime.allocate(bytes);
    }
  }

  /** The block whose turn it is; what lay there is lost. */
  long next() {
    DeviceMemory block = blocks[turn];
    turn = (turn + 1) % blocks.length;
    if (block == null) {
      throw new IllegalStateException("no memory was reserved to unpack weights to");
    }
    return block.address();
  }
}
