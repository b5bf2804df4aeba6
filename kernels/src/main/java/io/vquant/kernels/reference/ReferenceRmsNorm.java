package io.vquant.kernels.reference;

import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.tensor.Tensor;

/** The whole formula in double, rounded once. */
final class ReferenceRmsNorm implements RmsNormOperator {

  private final Tensor weight;
  private final float epsilon;

  ReferenceRmsNorm(Tensor weight, float epsilon) {
    Elements.requireShape("rmsNorm weight", weight, 1, weight.columns());
    this.weight = weight;
    this.epsilon = epsilon;
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    int size = weight.columns();
    Elements.requireF32("rmsNorm x", x, x.rows(), size);
    Elements.requireF32("rmsNorm out", out, x.rows(), size);
    for (int row = 0; row < x.rows(); row++) {
      double sumOfSquares = 0;
      for (int i = 0; i < size; i++) {
        double value = Elements.get(x, row, i);
        sumOfSquares += value * value;
      }
      double rootMeanSquare = Math.sqrt(sumOfSquares / size + epsilon);
      for (int i = 0; i < size; i++) {
        double normalized = Elements.get(x, row, i) / rootMeanSquare;
        Elements.set(out, row, i, (float) (normalized * Elements.get(weight, 0, i)));
      }
    }
  }
}
