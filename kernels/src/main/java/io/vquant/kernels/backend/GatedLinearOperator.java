package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/** Two matrix products of one input and their gated activation: silu(x G^T) * (x U^T). */
@FunctionalInterface
public interface GatedLinearOperator {

  /**
   * Computes what both {@link LinearOperator}s, then {@link GatedActivationOperator} compute, bit
   * for bit.
   *
   * @param out {@code [rows, intermediateSize]} F32, not overlapping {@code x}
   * @param up scratch of the same shape
   * @param x {@code [rows, inFeatures]} F32
   */
  void forward(Tensor out, Tensor up, Tensor x);
}
