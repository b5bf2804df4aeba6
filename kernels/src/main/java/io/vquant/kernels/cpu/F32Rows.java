package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** F32 weights: lane order is memory order. */
final class F32Rows implements WeightRows {

  @Override
  public int vectors(int columns) {
    return Math.ceilDiv(columns, LANES);
  }

  @Override
  public void arrangeInput(long arranged, long x, int columns) {
    copyPadded(arranged, x, columns);
  }

  @Override
  public void restore(long to, long arranged, int columns, float divisor) {
    int i = 0;
    for (; i <= columns - LANES; i += LANES) {
      store(load(arranged + 4L * i).div(divisor), to + 4L * i);
    }
    for (; i < columns; i++) {
      Simd.set(to + 4L * i, Simd.get(arranged + 4L * i) / divisor);
    }
  }

  @Override
  public void unpack(long unpacked, long row, int columns) {
    copyPadded(unpacked, row, columns);
  }

  private void copyPadded(long to, long from, int columns) {
    MemorySegment.copy(Simd.MEMORY, from, Simd.MEMORY, to, (long) columns * Float.BYTES);
    int padded = vectors(columns) * LANES;
    for (int i = columns; i < padded; i++) {
      Simd.set(to + (long) i * Float.BYTES, 0);
    }
  }

  @Override
  public void accumulate(long accumulator, long row, long arranged, int columns, long staging) {
    int whole = columns / LANES;
    store(FloatVector.zero(FLOATS), accumulator);
    addDot(accumulator, row, arranged, whole);
    if (whole * LANES < columns) {
      long at = (long) whole * BYTES;
      copyPadded(staging, row + at, columns - whole * LANES);
      addDot(accumulator, staging, arranged + at, 1);
    }
  }

  private static void addDot(long accumulator, long row, long x, int vectors) {
    FloatVector sum = load(accumulator);
    for (int i = 0; i < vectors; i++) {
      long at = (long) i * BYTES;
      sum = load(x + at).fma(load(row + at), sum);
    }
    store(sum, accumulator);
  }

  @Override
  public boolean tilesInPlace(int columns) {
    return columns % LANES == 0;
  }

  @Override
  public long stagedByteSize(int columns) {
    return (long) vectors(columns) * BYTES;
  }

  @Override
  public void stageForTile(long staged, long row, int columns) {
    copyPadded(staged, row, columns);
  }

  @Override
  public void tile(long accumulators, long w, long wStride, long x, long xStride, int columns) {
    DotTile.accumulate(accumulators, w, wStride, x, xStride, vectors(columns));
  }
}
