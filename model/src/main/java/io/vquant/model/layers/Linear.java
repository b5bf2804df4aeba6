package io.vquant.model.layers;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;

/** A linear layer: {@code weight} {@code [outFeatures, inFeatures]} and maybe {@code bias}. */
final class Linear {
  private Linear() {}

  static LinearOperator load(
      KernelBackend backend,
      ParameterSource parameters,
      int outFeatures,
      int inFeatures,
      boolean bias) {
    return backend.linear(
        parameters.weight("weight", outFeatures, inFeatures),
        bias ? parameters.vector("bias", outFeatures) : null);
  }
}
