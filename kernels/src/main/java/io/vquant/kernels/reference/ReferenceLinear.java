package io.vquant.kernels.reference;

import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Dot products summed in double (each product of two float32 is exact there), rounded once. */
final class ReferenceLinear implements LinearOperator {

  private final Tensor weight;
  private final @Nullable Tensor bias;
  private final float[] weightRow;

  ReferenceLinear(Tensor weight, @Nullable Tensor bias) {
    if (bias != null) {
      Elements.requireShape("linear bias", bias, 1, weight.rows());
    }
    this.weight = weight;
    this.bias = bias;
    this.weightRow = new float[weight.columns()];
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    Elements.requireF32("linear x", x, x.rows(), weight.columns());
    Elements.requireF32("linear out", out, x.rows(), weight.rows());
    for (int feature = 0; feature < weight.rows(); feature++) {
      for (int i = 0; i < weightRow.length; i++) {
        weightRow[i] = Elements.get(weight, feature, i);
      }
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
