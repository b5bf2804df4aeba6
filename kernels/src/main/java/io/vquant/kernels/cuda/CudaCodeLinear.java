package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T + b with a weight in codes. Few rows read the codes as fast as memory gives them, once
 * a row, in float32; many rows are a product of FP16 numbers, for which codes are unpacked first.
 */
final class CudaCodeLinear implements LinearOperator {

  /**
   * A row costs 0.6 or 1.1 bytes a weight; unpacking costs as much, 2 bytes to write and 2 to read,
   * so it pays from 5 to 8 rows on, and a tile of the product is hardly full before.
   */
  static final int FEW_ROWS = 8;

  private final CudaRuntime runtime;
  private final CodeMatrix weight;
  private final long bias;
  private final boolean multipliesRows;
  private final UnpackedProduct manyRows;

  /**
   * Takes the memory that many rows will need.
   *
   * @param bias {@code [1, outFeatures]} F32 on the device, or null
   */
  CudaCodeLinear(CudaRuntime runtime, CodeMatrix weight, @Nullable Tensor bias) {
    this.runtime = runtime;
    this.weight = weight;
    this.bias = bias == null ? 0 : Operands.address(bias);
    multipliesRows = runtime.rowProducts().fits(weight);
    manyRows = new UnpackedProduct(runtime, weight, this.bias);
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    Operands.require("linear x", x, x.rows(), weight.columns());
    Operands.require("linear out", out, x.rows(), weight.rows());
    if (!multipliesRows || x.rows() > FEW_ROWS) {
      manyRows.multiply(out, x);
      return;
    }
    for (int row = 0; row < x.rows(); row++) {
      runtime.rowProducts().add(out.rows(row, 1), x.rows(row, 1), weight, bias);
    }
  }
}
