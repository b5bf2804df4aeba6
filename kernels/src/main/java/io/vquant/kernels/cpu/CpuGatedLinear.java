package io.vquant.kernels.cpu;

import io.vquant.kernels.backend.GatedLinearOperator;
import io.vquant.kernels.tensor.Tensor;

/**
 * Gate, up and activation as one task: the worker that has computed some columns of both activates
 * them while they are in its cache.
 */
final class CpuGatedLinear implements GatedLinearOperator {

  private final CpuContext context;
  private final BlockLinear gate;
  private final BlockLinear up;
  private final ParallelTask task = this::runBlock;

  private long gates;
  private long gateStride;
  private long ups;
  private long upStride;

  CpuGatedLinear(CpuContext context, BlockLinear gate, BlockLinear up) {
    this.context = context;
    this.gate = gate;
    this.up = up;
  }

  @Override
  public void forward(Tensor out, Tensor upOut, Tensor x) {
    int blocks = gate.plan(out, x);
    up.plan(upOut, x);
    gates = Operands.address(out);
    gateStride = Operands.stride(out);
    ups = Operands.address(upOut);
    upStride = Operands.stride(upOut);
    gate.arrange(x);
    context.pool().run(task, blocks);
  }

  private void runBlock(int block, int worker) {
    gate.runBlock(block, worker);
    up.runBlock(block, worker);
    BlockLinear.OutputBlock done = gate.outputOf(block);
    long column = 4L * done.firstColumn();
    for (int row = done.firstRow(); row < done.firstRow() + done.rows(); row++) {
      long at = gates + row * gateStride + column;
      CpuGatedActivation.activate(at, at, ups + row * upStride + column, done.columns());
    }
  }
}
