package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.tensor.Tensor;

/** x += delta. */
final class CpuResidualAdd implements ResidualAddOperator {

  private final CpuContext context;
  private final ParallelTask task = this::addRows;

  private long x;
  private long xStride;
  private long delta;
  private long deltaStride;
  private int rows;
  private int columns;
  private int blockRows;

  CpuResidualAdd(CpuContext context) {
    this.context = context;
  }

  @Override
  public void forward(Tensor xTensor, Tensor deltaTensor) {
    rows = xTensor.rows();
    columns = xTensor.columns();
    Operands.require("x", xTensor, rows, columns);
    Operands.require("delta", deltaTensor, rows, columns);
    x = Operands.address(xTensor);
    xStride = Operands.stride(xTensor);
    delta = Operands.address(deltaTensor);
    deltaStride = Operands.stride(deltaTensor);
    blockRows = Elementwise.blockRows(columns);
    context.pool().run(task, Math.ceilDiv(rows, blockRows));
  }

  private void addRows(int block, int worker) {
    int end = Math.min(rows, (block + 1) * blockRows);
    for (int row = block * blockRows; row < end; row++) {
      addRow(x + row * xStride, delta + row * deltaStride);
    }
  }

  private void addRow(long to, long from) {
    int i = 0;
    for (; i <= columns - LANES; i += LANES) {
      store(load(to + 4L * i).add(load(from + 4L * i)), to + 4L * i);
    }
    for (; i < columns; i++) {
      Simd.set(to + 4L * i, Simd.get(to + 4L * i) + Simd.get(from + 4L * i));
    }
  }
}
