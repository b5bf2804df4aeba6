package io.vquant.kernels.reference;

import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Dequantizes a row at a time; dot products summed in double, rounded once. */
final class ReferenceQuantizedLinear implements LinearOperator {

  private final QuantizedWeight weight;
  private final @Nullable Tensor bias;
  private final float[] weightRow;

  ReferenceQuantizedLinear(QuantizedWeight weight, @Nullable Tensor bias) {
    if (bias != null) {
      Elements.requireShape("linear bias", bias, 1, weight.rows());
    }
    this.weight = weight;
    this.bias = bias;
    weightRow = new float[weight.columns()];
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    Elements.requireF32("linear x", x, x.rows(), weight.columns());
    Elements.requireF32("linear out", out, x.rows(), weight.rows());
    for (int feature = 0; feature < weight.rows(); feature++) {
      weight.dequantizeRow(weightRow, 0, feature);
      double start = bias == null ? 0 : Elements.get(bias, 0, feature);
      for (int row = 0; row < x.rows(); row++) {
        double sum = start;
        for (int i = 0; i < weightRow.length; i++) {
          sum += (double) Elements.get(x, row, i) * weightRow[i];
        }
        Elements.set(out, row, feature, (float) sum);
      }
    }
  }
}
