package io.vquant.kernels.reference;

import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.tensor.Tensor;

/** gate / (1 + e^-gate) * up in double, rounded once. */
final class ReferenceGatedActivation implements GatedActivationOperator {

  @Override
  public void forward(Tensor out, Tensor gate, Tensor up) {
    Elements.requireF32("gatedActivation gate", gate, gate.rows(), gate.columns());
    Elements.requireF32("gatedActivation up", up, gate.rows(), gate.columns());
    Elements.requireF32("gatedActivation out", out, gate.rows(), gate.columns());
    for (int row = 0; row < gate.rows(); row++) {
      for (int i = 0; i < gate.columns(); i++) {
        double g = Elements.get(gate, row, i);
        double silu = g / (1 + Math.exp(-g));
        Elements.set(out, row, i, (float) (silu * Elements.get(up, row, i)));
      }
    }
  }
}
