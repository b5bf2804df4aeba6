package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/** Root mean square norm, one row a block of work. */
final class CpuRmsNorm implements RmsNormOperator {

  private final CpuContext context;
  private final float[] weight;
  private final int size;
  private final float epsilon;
  private final ParallelTask task = this::normalizeRows;

  private long x;
  private long xStride;
  private long out;
  private long outStride;
  private int rows;
  private int blockRows;

  CpuRmsNorm(CpuContext context, Tensor weight, float epsilon) {
    this.context = context;
    this.weight = Operands.floats("weight", weight, weight.columns());
    this.size = weight.columns();
    this.epsilon = epsilon;
  }

  @Override
  public void forward(Tensor outTensor, Tensor xTensor) {
    Operands.require("x", xTensor, xTensor.rows(), size);
    Operands.require("out", outTensor, xTensor.rows(), size);
    x = Operands.address(xTensor);
    xStride = Operands.stride(xTensor);
    out = Operands.address(outTensor);
    outStride = Operands.stride(outTensor);
    rows = xTensor.rows();
    blockRows = Elementwise.blockRows(size);
    context.pool().run(task, Math.ceilDiv(rows, blockRows));
  }

  private void normalizeRows(int block, int worker) {
    int end = Math.min(rows, (block + 1) * blockRows);
    long lanes = context.workerScratch(worker, BYTES);
    for (int row = block * blockRows; row < end; row++) {
      long from = x + row * xStride;
      float meanSquare = sumOfSquares(from, lanes) / size;
      float scale = (float) (1.0 / Math.sqrt((double) meanSquare + epsilon));
      scaleRow(out + row * outStride, from, scale);
    }
  }

  /** Two accumulators of lanes, then one fixed tree. */
  private float sumOfSquares(long from, long lanes) {
    FloatVector a = FloatVector.zero(Simd.FLOATS);
    FloatVector b = a;
    int i = 0;
    for (; i <= size - 2 * LANES; i += 2 * LANES) {
      FloatVector first = load(from + 4L * i);
      FloatVector second = load(from + 4L * i + BYTES);
      a = first.fma(first, a);
      b = second.fma(second, b);
    }
    float tail = 0;
    for (; i < size; i++) {
      float value = Simd.get(from + 4L * i);
      tail = Math.fma(value, value, tail);
    }
    store(a.add(b), lanes);
    return LaneReduction.sum(lanes) + tail;
  }

  private void scaleRow(long to, long from, float scale) {
    int i = 0;
    for (; i <= size - LANES; i += LANES) {
      FloatVector weights = FloatVector.fromArray(Simd.FLOATS, weight, i);
      store(load(from + 4L * i).mul(scale).mul(weights), to + 4L * i);
    }
    for (; i < size; i++) {
      Simd.set(to + 4L * i, Simd.get(from + 4L * i) * scale * weight[i]);
    }
  }
}
