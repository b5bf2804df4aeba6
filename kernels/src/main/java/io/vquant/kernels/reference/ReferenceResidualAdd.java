package io.vquant.kernels.reference;

import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.tensor.Tensor;

/** One float32 addition an element. */
final class ReferenceResidualAdd implements ResidualAddOperator {

  @Override
  public void forward(Tensor x, Tensor delta) {
    Elements.requireF32("residualAdd x", x, x.rows(), x.columns());
    Elements.requireF32("residualAdd delta", delta, x.rows(), x.columns());
    for (int row = 0; row < x.rows(); row++) {
      for (int i = 0; i < x.columns(); i++) {
        Elements.set(x, row, i, Elements.get(x, row, i) + Elements.get(delta, row, i));
      }
    }
  }
}
