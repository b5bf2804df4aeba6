package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/** x / sqrt(mean(x^2) + epsilon) * weight, row by row (Zhang and Sennrich 2019, section 3). */
@FunctionalInterface
public interface RmsNormOperator {

  /**
   * Normalizes each row.
   *
   * @param out {@code [rows, size]} F32; may be {@code x} itself
   * @param x {@code [rows, size]} F32
   */
  void forward(Tensor out, Tensor x);
}
