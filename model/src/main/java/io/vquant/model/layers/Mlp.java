package io.vquant.model.layers;

import io.vquant.kernels.backend.GatedLinearOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ModelConfig;

/** SwiGLU: down(silu(gate(x)) * up(x)) (Shazeer 2020, section 2). */
public final class Mlp {
  private final GatedLinearOperator gateUpProj;
  private final LinearOperator downProj;

  /**
   * @param parameters those of {@code mlp}
   */
  public Mlp(KernelBackend backend, ModelConfig config, ParameterSource parameters) {
    int hidden = config.hiddenSize();
    int inner = config.intermediateSize();
    boolean bias = config.biases().mlp();
    LinearOperator gateProj =
        Linear.load(backend, parameters.child("gate_proj"), inner, hidden, bias);
    LinearOperator upProj = Linear.load(backend, parameters.child("up_proj"), inner, hidden, bias);
    gateUpProj = backend.gatedLinear(gateProj, upProj);
    downProj = Linear.load(backend, parameters.child("down_proj"), hidden, inner, bias);
  }

  /** Both are {@code [rows, hiddenSize]}. */
  void forward(Tensor out, Tensor x, Scratch scratch) {
    Tensor gate = scratch.gate().rows(x.rows());
    gateUpProj.forward(gate, scratch.up().rows(x.rows()), x);
    downProj.forward(out, gate);
  }
}
