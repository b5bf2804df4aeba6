package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.tensor.Tensor;

/** A block a row; heads are short rows and get a warp. One row waits for products to join. */
final class CudaRmsNorm implements RmsNormOperator {
  private static final int MAX_THREADS = 1024;
  private static final int ELEMENTS_PER_THREAD = 4;
  private static final int WARP = 32;

  private final CudaRuntime runtime;
  private final CudaFunction function;
  private final Tensor weight;
  private final float epsilon;
  private final int threads;

  /**
   * @param weight {@code [1, size]} F32 on the device
   */
  CudaRmsNorm(CudaRuntime runtime, Tensor weight, float epsilon) {
    this.runtime = runtime;
    this.weight = weight;
    this.epsilon = epsilon;
    function = runtime.function(Kernel.RMS_NORM);
    int warps = Operands.blocks(weight.columns(), ELEMENTS_PER_THREAD * WARP);
    threads = Math.min(MAX_THREADS, WARP * warps);
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    Operands.require("rmsNorm x", x, x.rows(), weight.columns());
    Operands.require("rmsNorm out", out, x.rows(), weight.columns());
    if (x.rows() == 1 && Operands.address(out) != Operands.address(x)) {
      runtime.stream(); // launches what waits
      runtime.rowProducts().defer(this, out, x, Operands.address(weight), epsilon);
    } else {
      launch(out, x);
    }
  }

  void launch(Tensor out, Tensor x) {
    function
        .call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(Operands.address(x))
        .int64(Operands.stride(x))
        .int64(Operands.address(weight))
        .int32(weight.columns())
        .float32(epsilon)
        .launch(runtime.stream(), x.rows(), 1, 1, threads);
  }
}
