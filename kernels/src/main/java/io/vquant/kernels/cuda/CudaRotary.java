package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** The angles of a chunk of rows are computed once, then used by all layers and heads. */
final class CudaRotary implements RotaryOperator {
  private static final int THREADS = 128;
  private static final int FIRST_ROWS = 2048;
  private static final int NONE = -1;
  private static final int[] NO_POSITIONS = {};

  private final CudaRuntime runtime;
  private final CudaFunction angles;
  private final CudaFunction apply;
  private final DeviceMemory frequencies;
  private final int half;
  private final float scaling;
  private DeviceMemory table;
  private int tableRows = FIRST_ROWS;
  private int start = NONE;
  private int[] several = NO_POSITIONS;
  private int filledRows;

  CudaRotary(CudaRuntime runtime, RotarySpec spec) {
    this.runtime = runtime;
    half = spec.headDim() / 2;
    scaling = spec.attentionScaling();
    angles = runtime.function(Kernel.ROTARY_ANGLES);
    apply = runtime.function(Kernel.ROTARY_APPLY);
    frequencies = runtime.allocate((long) half * Float.BYTES);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate((long) half * Float.BYTES, Float.BYTES);
      for (int i = 0; i < half; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, spec.inverseFrequencies().get(i));
      }
      runtime.stream().copyToDevice(frequencies.address(), values);
    }
    table = runtime.allocate(tableByteSize());
  }

  private long tableByteSize() {
    return (long) tableRows * half * 2 * Float.BYTES;
  }

  @Override
  public void forward(Tensor x, int startPosition) {
    requireHeads(x);
    if (startPosition < 0) {
      throw new IllegalArgumentException(
          "rotary start position " + startPosition + ": expected 0 or more");
    }
    if (startPosition != start || x.rows() > filledRows) {
      fill(runtime.positionAddress(startPosition), true, x.rows());
      start = startPosition;
    }
    if (x.rows() == 1
        && runtime
            .rowProducts()
            .joinRotary(Operands.address(x), x.columns(), table.address(), half)) {
      return;
    }
    turn(x);
  }

  @Override
  public void forward(Tensor x, int[] positions) {
    requireHeads(x);
    if (!Arrays.equals(several, positions)) {
      fill(runtime.sequenceRows().address(positions), false, positions.length);
      several = positions.clone();
    }
    turn(x);
  }

  private void requireHeads(Tensor x) {
    Operands.require("rotary x", x, x.rows(), x.columns());
    if (x.columns() % (2 * half) != 0) {
      throw new IllegalArgumentException(
          "rotary x has " + x.columns() + " columns: expected whole heads of " + 2 * half);
    }
  }

  private void turn(Tensor x) {
    int pairs = x.columns() / 2;
    apply
        .call()
        .int64(Operands.address(x))
        .int64(Operands.stride(x))
        .int64(table.address())
        .int32(half)
        .int32(pairs)
        .launch(runtime.stream(), x.rows(), Operands.blocks(pairs, THREADS), 1, THREADS);
  }

  /** Forgets the angles, so that the next pass computes them: a recorded pass must hold that. */
  void reset() {
    start = NONE;
    several = NO_POSITIONS;
  }

  /** Products that wait need not be launched before angles that none of them reads. */
  private CudaStream streamForAngles() {
    return runtime.rowProducts().isRotating() ? runtime.stream() : runtime.currentStream();
  }

  private void fill(long positions, boolean follow, int rows) {
    if (rows > tableRows) {
      runtime.free(table);
      tableRows = rows;
      table = runtime.allocate(tableByteSize());
    }
    angles
        .call()
        .int64(table.address())
        .int64(frequencies.address())
        .int64(positions)
        .int32(follow ? 1 : 0)
        .int32(half)
        .float32(scaling)
        .launch(streamForAngles(), rows, 1, 1, THREADS);
    start = NONE;
    several = NO_POSITIONS;
    filledRows = rows;
  }
}
