package io.vquant.model.layers;

import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearGroup;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ModelConfig;
import java.util.List;

/** SwiGLU: down(silu(gate(x)) * up(x)) (Shazeer 2020, section 2). */
public final class Mlp {
  private final LinearGroup gateUpProj;
  private final Tensor[] gateUp = new Tensor[2];
  private final LinearOperator downProj;
  private final GatedActivationOperator activation;

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
    gateUpProj = backend.linearGroup(List.of(gateProj, upProj));
    downProj = Linear.load(backend, parameters.child("down_proj"), hidden, inner, bias);
    activation = backend.gatedActivation();
  }

  /** Both are {@code [rows, hiddenSize]}. */
  void forward(Tensor out, Tensor x, Scratch scratch) {
    Tensor gate = scratch.gate().rows(x.rows());
    Tensor up = scratch.up().rows(x.rows());
    gateUp[0] = gate;
    gateUp[1] = up;
    gateUpProj.forward(gateUp, x);
    activation.forward(gate, gate, up);
    downProj.forward(out, gate);
  }
}
