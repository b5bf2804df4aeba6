package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/** SwiGLU without its matrices: silu(gate) * up (Shazeer 2020, section 2). */
@FunctionalInterface
public interface GatedActivationOperator {

  /** All are {@code [rows, intermediateSize]} F32; {@code out} may be {@code gate} itself. */
  void forward(Tensor out, Tensor gate, Tensor up);
}
