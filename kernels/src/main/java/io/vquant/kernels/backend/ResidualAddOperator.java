package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/** The residual stream: x += delta. */
@FunctionalInterface
public interface ResidualAddOperator {

  /** Both are {@code [rows, hiddenSize]} F32. */
  void forward(Tensor x, Tensor delta);
}
