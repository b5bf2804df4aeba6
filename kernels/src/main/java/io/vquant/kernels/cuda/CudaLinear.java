package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One row reads the weight as fast as memory gives it, in float32 arithmetic. More rows are a
 * matrix product: on tensor cores with rows rounded to the weight's 16-bit type, or in float32.
 */
final class CudaLinear implements LinearOperator {
  private static final int GEMV_WARPS = 8;
  private static final int WARP = 32;
  private static final int TILE = 64;
  private static final int VECTOR_BYTES = 16;

  private final CudaRuntime runtime;
  private final @Nullable CudaFunction gemv;
  private final CudaFunction gemvAny;
  private final CudaFunction gemm;
  private final @Nullable TensorCoreProduct tensorCores;
  private final Tensor weight;
  private final long bias;

  /** Bits that are set in the weight's address or in the bytes of a row. */
  private final long vectors;

  private final @Nullable DenseRows rowWeight;

  /**
   * @param weight {@code [outFeatures, inFeatures]} on the device, dense
   * @param bias {@code [1, outFeatures]} F32 on the device, or null
   */
  CudaLinear(CudaRuntime runtime, Tensor weight, @Nullable Tensor bias) {
    this.runtime = runtime;
    this.weight = weight;
    this.bias = bias == null ? 0 : Operands.address(bias);
    vectors = Operands.address(weight) | (long) weight.columns() * weight.dtype().byteSize();
    rowWeight = rowWeight(runtime, weight, vectors);
    gemv = weight.dtype() == DType.F32 ? runtime.function(Kernel.GEMV_F32) : null;
    gemvAny = runtime.function(Kernel.GEMV_ANY, weight.dtype());
    gemm = runtime.function(Kernel.GEMM_F32, weight.dtype());
    tensorCores =
        TensorCoreProduct.fits(weight) ? new TensorCoreProduct(runtime, weight, this.bias) : null;
  }

  private static @Nullable DenseRows rowWeight(CudaRuntime runtime, Tensor weight, long vectors) {
    boolean is16Bit = weight.dtype() == DType.BF16 || weight.dtype() == DType.F16;
    if (!is16Bit || vectors % VECTOR_BYTES != 0) {
      return null;
    }
    DenseRows rows =
        new DenseRows(weight.dtype(), Operands.address(weight), weight.rows(), weight.columns());
    return runtime.rowProducts().fits(rows) ? rows : null;
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    Operands.require("linear x", x, x.rows(), weight.columns());
    Operands.require("linear out", out, x.rows(), weight.rows());
    if (x.rows() == 1) {
      multiplyRow(out, x);
    } else if (tensorCores != null) {
      tensorCores.multiply(out, x);
    } else {
      multiplyRows(out, x);
    }
  }

  private void multiplyRow(Tensor out, Tensor x) {
    if (rowWeight != null) {
      runtime.rowProducts().add(out, x, rowWeight, bias);
      return;
    }
    boolean isVector = gemv != null && (vectors | Operands.address(x)) % VECTOR_BYTES == 0;
    CudaFunction function = isVector ? gemv : gemvAny;
    function
        .call()
        .int64(Operands.address(x))
        .int32(weight.columns())
        .int64(Operands.address(weight))
        .int64(bias)
        .int64(Operands.address(out))
        .int32(weight.rows())
        .launch(
            runtime.stream(),
            Operands.blocks(weight.rows(), isVector ? 2 * GEMV_WARPS : GEMV_WARPS),
            1,
            1,
            GEMV_WARPS * WARP);
  }

  private void multiplyRows(Tensor out, Tensor x) {
    gemm.call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(Operands.address(x))
        .int64(Operands.stride(x))
        .int64(Operands.address(weight))
        .int64(bias)
        .int32(x.rows())
        .int32(weight.rows())
        .int32(weight.columns())
        .launch(
            runtime.stream(),
            Operands.blocks(weight.rows(), TILE),
            Operands.blocks(x.rows(), TILE),
            1,
            4 * TILE);
  }
}
