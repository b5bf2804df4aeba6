package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.tensor.DType;

/**
 * A weight of 16-bit numbers, {@code [rows, columns]}, dense.
 *
 * @param address on the device, a multiple of 16
 * @param columns a multiple of 8
 */
record DenseRows(DType dtype, long address, int rows, int columns) implements RowWeight {
  private static final int STEP_COLUMNS = 32;
  private static final int TERM_BYTES = 3 * Short.BYTES;

  @Override
  public Object kind() {
    return dtype;
  }

  @Override
  public CudaFunction function(CudaRuntime runtime, boolean gated) {
    return runtime.function(gated ? Kernel.GEMV_GATED : Kernel.GEMV_16, dtype);
  }

  @Override
  public int threadsABlock() {
    return 512;
  }

  @Override
  public int pairsATile() {
    return 8;
  }

  @Override
  public int pairAlignment() {
    return 1;
  }

  /** Three terms of each column, as in {@code gemv_16.cu}. */
  @Override
  public int sharedByteSize(int limit) {
    return TERM_BYTES * (Math.ceilDiv(columns, STEP_COLUMNS) + 1) * STEP_COLUMNS;
  }

  /**
   * Loads under way take room in the first-level cache, 80 KiB here. Left to itself the SM keeps
   * what the kernel before needed, and 28 KiB of cache after one with much shared memory cost a
   * third of the speed; this much is room for 14336 columns.
   */
  @Override
  public int sharedPercent() {
    return 57;
  }

  @Override
  public void addSharedTo(KernelCall call, int limit) {}

  @Override
  public void addTo(KernelCall call) {
    call.int64(address);
  }
}
