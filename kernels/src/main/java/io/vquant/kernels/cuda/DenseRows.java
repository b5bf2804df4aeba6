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
  public int pairsATile() {
    return 8;
  }

  @Override
  public int pairAlignment() {
    return 1;
  }

  /** Three terms of each column, as in {@code gemv_16.cu}. */
  @Override
  public int sharedByteSize() {
    return TERM_BYTES * (Math.ceilDiv(columns, STEP_COLUMNS) + 1) * STEP_COLUMNS;
  }

  @Override
  public void addTo(KernelCall call) {
    call.int64(address);
  }
}
