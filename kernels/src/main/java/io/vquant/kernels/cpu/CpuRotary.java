package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Rotary embedding from a table of cosines and sines, which grows with the positions seen. */
final class CpuRotary implements RotaryOperator, AutoCloseable {

  private static final int FIRST_POSITIONS = 64;
  private static final int MOST_AHEAD = 8192;

  private final CpuContext context;
  private final RotarySpec spec;
  private final int half;
  private final ParallelTask task = this::rotateRows;

  private Arena arena = Arena.ofShared();
  private long table;
  private int tableStart;
  private int tableEnd;
  private long x;
  private long xStride;
  private int rows;
  private int heads;
  private int start;
  private int blockRows;

  /** Of each row; null: they follow {@link #start}. */
  private int @Nullable [] positions;

  CpuRotary(CpuContext context, RotarySpec spec) {
    this.context = context;
    this.spec = spec;
    half = spec.headDim() / 2;
  }

  @Override
  public void forward(Tensor xTensor, int startPosition) {
    takeUp(xTensor);
    requirePosition(startPosition);
    positions = null;
    start = startPosition;
    tableFor(startPosition, startPosition + rows);
    run();
  }

  /** One table for all rows: one a sequence would begin anew at each position that it lacks. */
  @Override
  public void forward(Tensor xTensor, int[] rowPositions) {
    takeUp(xTensor);
    if (rowPositions.length < rows) {
      throw new IllegalArgumentException(
          rowPositions.length + " positions of " + rows + " rows: expected one a row");
    }
    int least = Integer.MAX_VALUE;
    int most = 0;
    for (int row = 0; row < rows; row++) {
      requirePosition(rowPositions[row]);
      least = Math.min(least, rowPositions[row]);
      most = Math.max(most, rowPositions[row]);
    }
    positions = rowPositions;
    tableFor(least, most + 1);
    run();
  }

  private void takeUp(Tensor xTensor) {
    Operands.require("x", xTensor, xTensor.rows(), xTensor.columns());
    if (xTensor.columns() % spec.headDim() != 0) {
      throw new IllegalArgumentException(
          "x has " + xTensor.columns() + " columns: expected whole heads of " + spec.headDim());
    }
    rows = xTensor.rows();
    heads = xTensor.columns() / spec.headDim();
    x = Operands.address(xTensor);
    xStride = Operands.stride(xTensor);
    blockRows = Elementwise.blockRows(xTensor.columns());
  }

  private static void requirePosition(int position) {
    if (position < 0) {
      throw new IllegalArgumentException("start position " + position + ": expected 0 or more");
    }
  }

  private void run() {
    context.pool().run(task, Math.ceilDiv(rows, blockRows));
  }

  /**
   * Makes the table hold the positions {@code from} to {@code end - 1}. An entry is {@code headDim
   * / 2} cosines, then as many sines. A table that does not reach {@code from} starts anew there.
   */
  private void tableFor(int from, int end) {
    if (from >= tableStart && end <= tableEnd) {
      return;
    }
    boolean extend = from >= tableStart && from <= tableEnd;
    int start = extend ? tableStart : from;
    int kept = extend ? tableEnd - tableStart : 0;
    int size =
        Math.max(end - start, Math.max(FIRST_POSITIONS, Math.min(2 * kept, kept + MOST_AHEAD)));
    Arena newArena = Arena.ofShared();
    MemorySegment newTable = newArena.allocate(size * entryBytes(), 64);
    MemorySegment.copy(Simd.MEMORY, table, newTable, 0, kept * entryBytes());
    arena.close();
    arena = newArena;
    table = newTable.address();
    tableStart = start;
    tableEnd = start + size;
    for (int entry = kept; entry < size; entry++) {
      fillEntry(table + entry * entryBytes(), start + entry);
    }
  }

  private long entryBytes() {
    return 2L * half * Float.BYTES;
  }

  private void fillEntry(long cos, int position) {
    long sin = cos + 4L * half;
    for (int i = 0; i < half; i++) {
      float angle = (float) position * spec.inverseFrequencies().get(i);
      Simd.set(cos + 4L * i, (float) Math.cos(angle) * spec.attentionScaling());
      Simd.set(sin + 4L * i, (float) Math.sin(angle) * spec.attentionScaling());
    }
  }

  private void rotateRows(int block, int worker) {
    int end = Math.min(rows, (block + 1) * blockRows);
    for (int row = block * blockRows; row < end; row++) {
      int position = positions == null ? start + row : positions[row];
      long entry = table + (position - tableStart) * entryBytes();
      for (int head = 0; head < heads; head++) {
        rotateHead(x + row * xStride + 4L * head * spec.headDim(), entry, entry + 4L * half);
      }
    }
  }

  private void rotateHead(long lower, long cos, long sin) {
    long upper = lower + 4L * half;
    int i = 0;
    for (; i <= half - LANES; i += LANES) {
      long at = 4L * i;
      FloatVector a = load(lower + at);
      FloatVector b = load(upper + at);
      FloatVector c = load(cos + at);
      FloatVector s = load(sin + at);
      store(a.mul(c).sub(b.mul(s)), lower + at);
      store(b.mul(c).add(a.mul(s)), upper + at);
    }
    for (; i < half; i++) {
      long at = 4L * i;
      float a = Simd.get(lower + at);
      float b = Simd.get(upper + at);
      float c = Simd.get(cos + at);
      float s = Simd.get(sin + at);
      Simd.set(lower + at, a * c - b * s);
      Simd.set(upper + at, b * c + a * s);
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
