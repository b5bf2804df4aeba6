package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/** A matrix product with a fixed weight. */
@FunctionalInterface
public interface LinearOperator {

  /**
   * Computes out = x W^T + b.
   *
   * @param out {@code [rows, outFeatures]} F32, not overlapping {@code x}
   * @param x {@code [rows, inFeatures]} F32
   */
  void forward(Tensor out, Tensor x);
}
