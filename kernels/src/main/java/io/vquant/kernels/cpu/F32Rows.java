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
  public void accumulate4(
      long accumulators,
      long w0,
      long w1,
      long w2,
      long w3,
      long arranged,
      int columns,
      long staging) {
    int whole = columns / LANES;
    accumulate(accumulators, w0, w1, w2, w3, arranged, whole);
    int rest = columns - whole * LANES;
    if (rest > 0) {
      long at = (long) whole * BYTES;
      stage(staging, w0 + at, rest);
      stage(staging + BYTES, w1 + at, rest);
      stage(staging + 2L * BYTES, w2 + at, rest);
      stage(staging + 3L * BYTES, w3 + at, rest);
      addStaged(accumulators, staging, arranged + at);
    }
  }

  private static void accumulate(
      long accumulators, long w0, long w1, long w2, long w3, long x, int vectors) {
    FloatVector a0 = FloatVector.zero(FLOATS);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    for (int i = 0; i < vectors; i++) {
      long at = (long) i * BYTES;
      FloatVector input = load(x + at);
      a0 = input.fma(load(w0 + at), a0);
      a1 = input.fma(load(w1 + at), a1);
      a2 = input.fma(load(w2 + at), a2);
      a3 = input.fma(load(w3 + at), a3);
    }
    store(a0, accumulators);
    store(a1, accumulators + BYTES);
    store(a2, accumulators + 2L * BYTES);
    store(a3, accumulators + 3L * BYTES);
  }

  private static void stage(long to, long from, int rest) {
    for (int i = 0; i < LANES; i++) {
      Simd.set(to + 4L * i, i < rest ? Simd.get(from + 4L * i) : 0);
    }
  }

  private static void addStaged(long accumulators, long staging, long x) {
    FloatVector input = load(x);
    for (int row = 0; row < 4; row++) {
      long at = (long) row * BYTES;
      store(input.fma(load(staging + at), load(accumulators + at)), accumulators + at);
    }
  }
}
