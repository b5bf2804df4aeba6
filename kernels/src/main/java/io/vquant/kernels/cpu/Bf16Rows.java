package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.evenBf16;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.loadPairs;
import static io.vquant.kernels.cpu.Simd.oddBf16;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.BFloat16;
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
  public void accumulate4(
      long accumulators,
      long w0,
      long w1,
      long w2,
      long w3,
      long arranged,
      int columns,
      long staging) {
    int whole = columns / HalfRows.BLOCK;
    accumulate(accumulators, w0, w1, w2, w3, arranged, whole);
    int rest = columns - whole * HalfRows.BLOCK;
    if (rest > 0) {
      long at = (long) whole * BYTES;
      HalfRows.stage(staging, w0 + at, rest);
      HalfRows.stage(staging + BYTES, w1 + at, rest);
      HalfRows.stage(staging + 2L * BYTES, w2 + at, rest);
      HalfRows.stage(staging + 3L * BYTES, w3 + at, rest);
      addStaged(accumulators, staging, arranged + 2 * at);
    }
  }

  private static void accumulate(
      long accumulators, long w0, long w1, long w2, long w3, long x, int blocks) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    for (int i = 0; i < blocks; i++) {
      long at = (long) i * BYTES;
      FloatVector even = load(x + 2 * at);
      FloatVector odd = load(x + 2 * at + BYTES);
      IntVector pairs = loadPairs(w0 + at);
      a0 = odd.fma(oddBf16(pairs), even.fma(evenBf16(pairs), a0));
      pairs = loadPairs(w1 + at);
      a1 = odd.fma(oddBf16(pairs), even.fma(evenBf16(pairs), a1));
      pairs = loadPairs(w2 + at);
      a2 = odd.fma(oddBf16(pairs), even.fma(evenBf16(pairs), a2));
      pairs = loadPairs(w3 + at);
      a3 = odd.fma(oddBf16(pairs), even.fma(evenBf16(pairs), a3));
    }
    store(a0, accumulators);
    store(a1, accumulators + BYTES);
    store(a2, accumulators + 2L * BYTES);
    store(a3, accumulators + 3L * BYTES);
  }

  private static void addStaged(long accumulators, long staging, long x) {
    FloatVector even = load(x);
    FloatVector odd = load(x + BYTES);
    for (int row = 0; row < 4; row++) {
      long at = (long) row * BYTES;
      IntVector pairs = loadPairs(staging + at);
      FloatVector sum = even.fma(evenBf16(pairs), load(accumulators + at));
      store(odd.fma(oddBf16(pairs), sum), accumulators + at);
    }
  }
}
