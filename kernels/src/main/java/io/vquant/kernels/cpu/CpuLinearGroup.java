package io.vquant.kernels.cpu;

import io.vquant.kernels.backend.LinearGroup;
import io.vquant.kernels.tensor.Tensor;
import java.util.List;

/**
 * Products of one input with several weights that take it alike as one task: the input is arranged
 * once, and threads wait for each other once. Computes what each does alone, bit for bit.
 */
final class CpuLinearGroup implements LinearGroup {

  private final CpuContext context;
  private final BlockLinear[] linears;
  private final int[] firstBlock;
  private final ParallelTask task = this::runBlock;

  CpuLinearGroup(CpuContext context, List<BlockLinear> linears) {
    this.context = context;
    this.linears = linears.toArray(BlockLinear[]::new);
    firstBlock = new int[linears.size() + 1];
  }

  @Override
  public void forward(Tensor[] outs, Tensor x) {
    LinearGroup.requireOuts(outs, linears.length);
    for (int i = 0; i < linears.length; i++) {
      firstBlock[i + 1] = firstBlock[i] + linears[i].plan(outs[i], x);
    }
    linears[0].arrange(x);
    context.pool().run(task, firstBlock[linears.length]);
  }

  private void runBlock(int block, int worker) {
    int part = 0;
    while (firstBlock[part + 1] <= block) {
      part++;
    }
    linears[part].runBlock(block - firstBlock[part], worker);
  }
}
