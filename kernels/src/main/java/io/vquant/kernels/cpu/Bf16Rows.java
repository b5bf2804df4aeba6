package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.evenBf16;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.loadPairs;
import static io.vquant.kernels.cpu.Simd.oddBf16;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.BFloat16;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** BF16 weights, in the lane order of {@link HalfRows}. */
final class Bf16Rows implements WeightRows {

  @Override
  public int vectors(int columns) {
    return HalfRows.vectors(columns);
  }

  @Override
  public void arrangeInput(long arranged, long x, int columns) {
    HalfRows.arrange(arranged, x, columns);
  }

  @Override
  public void restore(long to, long arranged, int columns, float divisor) {
    HalfRows.restore(to, arranged, columns, divisor);
  }

  @Override
  public void unpack(long unpacked, long row, int columns) {
    int whole = columns / HalfRows.BLOCK;
    for (int i = 0; i < whole; i++) {
      IntVector pairs = loadPairs(row + (long) i * BYTES);
      long at = 2L * i * BYTES;
      store(evenBf16(pairs), unpacked + at);
      store(oddBf16(pairs), unpacked + at + BYTES);
    }
    int first = whole * HalfRows.BLOCK;
    if (first < columns) {
      unpackEnd(unpacked, row, first, columns);
    }
  }

  private static void unpackEnd(long unpacked, long row, int first, int columns) {
    for (int c = first; c < first + HalfRows.BLOCK; c++) {
      float value = c < columns ? BFloat16.toFloat(Simd.MEMORY.get(Simd.SHORT, row + 2L * c)) : 0;
      Simd.set(unpacked + 4L * HalfRows.arrangedIndex(c), value);
    }
  }

  @Override
  public void accumulate(long accumulator, long row, long arranged, int columns, long staging) {
    int whole = columns / HalfRows.BLOCK;
    store(FloatVector.zero(FLOATS), accumulator);
    addDot(accumulator, row, arranged, whole);
    int rest = columns - whole * HalfRows.BLOCK;
    if (rest > 0) {
      long at = (long) whole * BYTES;
      HalfRows.stage(staging, row + at, rest);
      addDot(accumulator, staging, arranged + 2 * at, 1);
    }
  }

  private static void addDot(long accumulator, long row, long x, int blocks) {
    FloatVector sum = load(accumulator);
    for (int i = 0; i < blocks; i++) {
      long at = (long) i * BYTES;
      IntVector pairs = loadPairs(row + at);
      sum = load(x + 2 * at).fma(evenBf16(pairs), sum);
      sum = load(x + 2 * at + BYTES).fma(oddBf16(pairs), sum);
    }
    store(sum, accumulator);
  }

  @Override
  public boolean tilesInPlace(int columns) {
    return columns % HalfRows.BLOCK == 0;
  }

  @Override
  public long stagedByteSize(int columns) {
    return Math.ceilDiv(columns, HalfRows.BLOCK) * (long) BYTES;
  }

  @Override
  public void stageForTile(long staged, long row, int columns) {
    int whole = columns / HalfRows.BLOCK;
    long wholeBytes = (long) whole * BYTES;
    MemorySegment.copy(Simd.MEMORY, row, Simd.MEMORY, staged, wholeBytes);
    int rest = columns - whole * HalfRows.BLOCK;
    if (rest > 0) {
      HalfRows.stage(staged + wholeBytes, row + wholeBytes, rest);
    }
  }

  @Override
  public void tile(long accumulators, long w, long wStride, long x, long xStride, int columns) {
    int blocks = Math.ceilDiv(columns, HalfRows.BLOCK);
    Bf16DotTile.accumulate(accumulators, w, wStride, x, xStride, blocks);
  }
}
