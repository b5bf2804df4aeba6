package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** silu(gate) * up, with silu(x) = x / (1 + e^-x). */
final class CpuGatedActivation implements GatedActivationOperator {

  /** From here down silu is under 5e-37 in size, and e^-x would soon overflow. */
  private static final float NEGLIGIBLE = -88.3f;

  private final CpuContext context;
  private final ParallelTask task = this::activateRows;

  private long out;
  private long outStride;
  private long gate;
  private long gateStride;
  private long up;
  private long upStride;
  private int rows;
  private int columns;
  private int blockRows;

  CpuGatedActivation(CpuContext context) {
    this.context = context;
  }

  @Override
  public void forward(Tensor outTensor, Tensor gateTensor, Tensor upTensor) {
    rows = gateTensor.rows();
    columns = gateTensor.columns();
    Operands.require("out", outTensor, rows, columns);
    Operands.require("gate", gateTensor, rows, columns);
    Operands.require("up", upTensor, rows, columns);
    out = Operands.address(outTensor);
    outStride = Operands.stride(outTensor);
    gate = Operands.address(gateTensor);
    gateStride = Operands.stride(gateTensor);
    up = Operands.address(upTensor);
    upStride = Operands.stride(upTensor);
    blockRows = Elementwise.blockRows(columns);
    context.pool().run(task, Math.ceilDiv(rows, blockRows));
  }

  private void activateRows(int block, int worker) {
    int end = Math.min(rows, (block + 1) * blockRows);
    for (int row = block * blockRows; row < end; row++) {
      activate(out + row * outStride, gate + row * gateStride, up + row * upStride, columns);
    }
  }

  /** Activates {@code count} neighbouring elements; a whole number of vectors, or the last. */
  static void activate(long to, long gates, long ups, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector x = load(gates + 4L * i);
      FloatVector exp = Exp2.exp(x.neg());
      FloatVector silu = x.div(exp.add(1)).blend(0, x.compare(VectorOperators.LT, NEGLIGIBLE));
      store(silu.mul(load(ups + 4L * i)), to + 4L * i);
    }
    for (; i < count; i++) {
      float x = Simd.get(gates + 4L * i);
      float silu = x < NEGLIGIBLE ? 0 : x / (Exp2.exp(-x) + 1);
      Simd.set(to + 4L * i, silu * Simd.get(ups + 4L * i));
    }
  }
}
