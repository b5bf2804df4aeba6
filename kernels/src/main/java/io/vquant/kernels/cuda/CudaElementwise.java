package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.tensor.Tensor;

/** Gated activation and residual addition: a thread an element. */
final class CudaElementwise {
  private static final int THREADS = 256;

  private final CudaRuntime runtime;
  private final CudaFunction gated;
  private final CudaFunction add;

  CudaElementwise(CudaRuntime runtime) {
    this.runtime = runtime;
    gated = runtime.function(Kernel.GATED_ACTIVATION);
    add = runtime.function(Kernel.RESIDUAL_ADD);
  }

  /** As a {@link GatedActivationOperator}. */
  void gate(Tensor out, Tensor gate, Tensor up) {
    Operands.require("gatedActivation gate", gate, gate.rows(), gate.columns());
    Operands.require("gatedActivation up", up, gate.rows(), gate.columns());
    Operands.require("gatedActivation out", out, gate.rows(), gate.columns());
    long gateAddress = Operands.address(gate);
    if (gate.rows() == 1
        && Operands.address(out) == gateAddress
        && runtime.rowProducts().joinGate(gateAddress, Operands.address(up), gate.columns())) {
      return;
    }
    gated
        .call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(Operands.address(gate))
        .int64(Operands.stride(gate))
        .int64(Operands.address(up))
        .int64(Operands.stride(up))
        .int32(gate.columns())
        .launch(
            runtime.stream(), gate.rows(), Operands.blocks(gate.columns(), THREADS), 1, THREADS);
  }

  /** As a {@link ResidualAddOperator}. */
  void add(Tensor x, Tensor delta) {
    Operands.require("residualAdd x", x, x.rows(), x.columns());
    Operands.require("residualAdd delta", delta, x.rows(), x.columns());
    if (x.rows() == 1
        && runtime
            .rowProducts()
            .joinResidual(Operands.address(x), Operands.address(delta), x.columns())) {
      return;
    }
    add.call()
        .int64(Operands.address(x))
        .int64(Operands.stride(x))
        .int64(Operands.address(delta))
        .int64(Operands.stride(delta))
        .int32(x.columns())
        .launch(runtime.stream(), x.rows(), Operands.blocks(x.columns(), THREADS), 1, THREADS);
  }
}
