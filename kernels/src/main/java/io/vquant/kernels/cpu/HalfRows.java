package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * The lane order of 16-bit weights: blocks of two vectors, the even elements of {@code 2 LANES}
 * neighbours, then the odd ones. One 32-bit load brings a pair, and a shift or a mask makes each
 * half a float.
 */
final class HalfRows {

  /** Elements a block. */
  static final int BLOCK = 2 * LANES;

  private static final VectorMask<Float> UPPER_LANES = upperLanes();
  private static final VectorShuffle<Float> EVENS = everySecond(0);
  private static final VectorShuffle<Float> ODDS = everySecond(1);

  private static final VectorMask<Float> ODD_LANES = oddLanes();
  private static final VectorShuffle<Float> LOWER_TWICE = twice(0);
  private static final VectorShuffle<Float> UPPER_TWICE = twice(LANES / 2);

  private HalfRows() {}

  private static VectorMask<Float> oddLanes() {
    boolean[] lanes = new boolean[LANES];
    for (int i = 1; i < LANES; i += 2) {
      lanes[i] = true;
    }
    return VectorMask.fromArray(FLOATS, lanes, 0);
  }

  private static VectorShuffle<Float> twice(int first) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = first + i / 2;
    }
    return VectorShuffle.fromArray(FLOATS, lanes, 0);
  }

  private static VectorMask<Float> upperLanes() {
    boolean[] lanes = new boolean[LANES];
    for (int i = LANES / 2; i < LANES; i++) {
      lanes[i] = true;
    }
    return VectorMask.fromArray(FLOATS, lanes, 0);
  }

  private static VectorShuffle<Float> everySecond(int first) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = (first + 2 * i) % LANES;
    }
    return VectorShuffle.fromArray(FLOATS, lanes, 0);
  }

  static int vectors(int columns) {
    return 2 * Math.ceilDiv(columns, BLOCK);
  }

  /** Where element {@code column} of a row stands in lane order. */
  static int arrangedIndex(int column) {
    int within = column % BLOCK;
    return column - within + (within % 2) * LANES + within / 2;
  }

  /** Writes an F32 row in lane order, padded with zeros. */
  static void arrange(long arranged, long x, int columns) {
    int whole = columns / BLOCK;
    for (int i = 0; i < whole; i++) {
      long at = 2L * i * BYTES;
      FloatVector a = load(x + at);
      FloatVector b = load(x + at + BYTES);
      store(a.rearrange(EVENS).blend(b.rearrange(EVENS), UPPER_LANES), arranged + at);
      store(a.rearrange(ODDS).blend(b.rearrange(ODDS), UPPER_LANES), arranged + at + BYTES);
    }
    arrangeEnd(arranged, x, whole * BLOCK, columns);
  }

  private static void arrangeEnd(long arranged, long x, int first, int columns) {
    if (first == columns) {
      return;
    }
    for (int c = first; c < first + BLOCK; c++) {
      float value = c < columns ? Simd.get(x + 4L * c) : 0;
      Simd.set(arranged + 4L * arrangedIndex(c), value);
    }
  }

  /** Takes a row in lane order, divides it and writes it in memory order. */
  static void restore(long to, long arranged, int columns, float divisor) {
    int whole = columns / BLOCK;
    for (int i = 0; i < whole; i++) {
      long at = 2L * i * BYTES;
      FloatVector even = load(arranged + at).div(divisor);
      FloatVector odd = load(arranged + at + BYTES).div(divisor);
      store(even.rearrange(LOWER_TWICE).blend(odd.rearrange(LOWER_TWICE), ODD_LANES), to + at);
      FloatVector upper = even.rearrange(UPPER_TWICE);
      store(upper.blend(odd.rearrange(UPPER_TWICE), ODD_LANES), to + at + BYTES);
    }
    for (int c = whole * BLOCK; c < columns; c++) {
      Simd.set(to + 4L * c, Simd.get(arranged + 4L * arrangedIndex(c)) / divisor);
    }
  }

  /** Copies the last elements of a row into one block of pairs, padded with zeros. */
  static void stage(long to, long from, int rest) {
    for (int i = 0; i < BLOCK; i++) {
      short bits = i < rest ? Simd.MEMORY.get(Simd.SHORT, from + 2L * i) : 0;
      Simd.MEMORY.set(Simd.SHORT, to + 2L * i, bits);
    }
  }
}
