package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.MEMORY;
import static io.vquant.kernels.cpu.Simd.ORDER;
import static io.vquant.kernels.cpu.Simd.UPPER_HALF;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.LSHL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * {@link DotTile} for weights in BF16, which become F32 in registers: there is nothing to unpack,
 * so a few input rows cost little more than the multiplications.
 *
 * <p>Each accumulator takes the even elements of a block of {@link HalfRows}, then the odd ones, as
 * in decode. The loops have the forms of {@link DotTile}'s, for the same reasons.
 */
final class Bf16DotTile {

  private Bf16DotTile() {}

  /**
   * Computes the accumulators of one tile, {@link DotTile#ROWS} rows by {@link DotTile#COLUMNS}.
   *
   * @param accumulators receives a vector for each row and column, those of a row side by side, a
   *     row {@link Simd#LANES} vectors after the one before
   * @param w first of four weight rows in BF16
   * @param wStride bytes between weight rows
   * @param x first of the input rows, in the lane order of {@link HalfRows}
   * @param xStride bytes between input rows
   * @param blocks length of a row in blocks
   */
  static void accumulate(
      long accumulators, long w, long wStride, long x, long xStride, int blocks) {
    if (DotTile.ROWS == 4) {
      fourByFour(accumulators, w, wStride, x, xStride, blocks);
    } else {
      twoByFour(accumulators, w, wStride, x, xStride, blocks);
    }
  }

  private static void fourByFour(
      long accumulators, long w, long wStride, long x, long xStride, int blocks) {
    long w1 = w + wStride;
    long w2 = w1 + wStride;
    long w3 = w2 + wStride;
    long x1 = x + xStride;
    long x2 = x1 + xStride;
    long x3 = x2 + xStride;
    FloatVector a00 = FloatVector.zero(FLOATS);
    FloatVector a01 = a00;
    FloatVector a02 = a00;
    FloatVector a03 = a00;
    FloatVector a10 = a00;
    FloatVector a11 = a00;
    FloatVector a12 = a00;
    FloatVector a13 = a00;
    FloatVector a20 = a00;
    FloatVector a21 = a00;
    FloatVector a22 = a00;
    FloatVector a23 = a00;
    FloatVector a30 = a00;
    FloatVector a31 = a00;
    FloatVector a32 = a00;
    FloatVector a33 = a00;
    for (int i = 0; i < blocks; i++) {
      long at = (long) i * BYTES;
      IntVector pairs0 = fromMemorySegment(INTS, MEMORY, w + at, ORDER);
      IntVector pairs1 = fromMemorySegment(INTS, MEMORY, w1 + at, ORDER);
      IntVector pairs2 = fromMemorySegment(INTS, MEMORY, w2 + at, ORDER);
      IntVector pairs3 = fromMemorySegment(INTS, MEMORY, w3 + at, ORDER);
      FloatVector b0 = pairs0.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector b1 = pairs1.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector b2 = pairs2.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector b3 = pairs3.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector row = fromMemorySegment(FLOATS, MEMORY, x + 2 * at, ORDER);
      a00 = row.fma(b0, a00);
      a01 = row.fma(b1, a01);
      a02 = row.fma(b2, a02);
      a03 = row.fma(b3, a03);
      row = fromMemorySegment(FLOATS, MEMORY, x1 + 2 * at, ORDER);
      a10 = row.fma(b0, a10);
      a11 = row.fma(b1, a11);
      a12 = row.fma(b2, a12);
      a13 = row.fma(b3, a13);
      row = fromMemorySegment(FLOATS, MEMORY, x2 + 2 * at, ORDER);
      a20 = row.fma(b0, a20);
      a21 = row.fma(b1, a21);
      a22 = row.fma(b2, a22);
      a23 = row.fma(b3, a23);
      row = fromMemorySegment(FLOATS, MEMORY, x3 + 2 * at, ORDER);
      a30 = row.fma(b0, a30);
      a31 = row.fma(b1, a31);
      a32 = row.fma(b2, a32);
      a33 = row.fma(b3, a33);
      b0 = pairs0.and(UPPER_HALF).reinterpretAsFloats();
      b1 = pairs1.and(UPPER_HALF).reinterpretAsFloats();
      b2 = pairs2.and(UPPER_HALF).reinterpretAsFloats();
      b3 = pairs3.and(UPPER_HALF).reinterpretAsFloats();
      row = fromMemorySegment(FLOATS, MEMORY, x + 2 * at + BYTES, ORDER);
      a00 = row.fma(b0, a00);
      a01 = row.fma(b1, a01);
      a02 = row.fma(b2, a02);
      a03 = row.fma(b3, a03);
      row = fromMemorySegment(FLOATS, MEMORY, x1 + 2 * at + BYTES, ORDER);
      a10 = row.fma(b0, a10);
      a11 = row.fma(b1, a11);
      a12 = row.fma(b2, a12);
      a13 = row.fma(b3, a13);
      row = fromMemorySegment(FLOATS, MEMORY, x2 + 2 * at + BYTES, ORDER);
      a20 = row.fma(b0, a20);
      a21 = row.fma(b1, a21);
      a22 = row.fma(b2, a22);
      a23 = row.fma(b3, a23);
      row = fromMemorySegment(FLOATS, MEMORY, x3 + 2 * at + BYTES, ORDER);
      a30 = row.fma(b0, a30);
      a31 = row.fma(b1, a31);
      a32 = row.fma(b2, a32);
      a33 = row.fma(b3, a33);
    }
    a00.intoMemorySegment(MEMORY, accumulators, ORDER);
    a01.intoMemorySegment(MEMORY, accumulators + 1L * BYTES, ORDER);
    a02.intoMemorySegment(MEMORY, accumulators + 2L * BYTES, ORDER);
    a03.intoMemorySegment(MEMORY, accumulators + 3L * BYTES, ORDER);
    a10.intoMemorySegment(MEMORY, accumulators + 16L * BYTES, ORDER);
    a11.intoMemorySegment(MEMORY, accumulators + 17L * BYTES, ORDER);
    a12.intoMemorySegment(MEMORY, accumulators + 18L * BYTES, ORDER);
    a13.intoMemorySegment(MEMORY, accumulators + 19L * BYTES, ORDER);
    a20.intoMemorySegment(MEMORY, accumulators + 32L * BYTES, ORDER);
    a21.intoMemorySegment(MEMORY, accumulators + 33L * BYTES, ORDER);
    a22.intoMemorySegment(MEMORY, accumulators + 34L * BYTES, ORDER);
    a23.intoMemorySegment(MEMORY, accumulators + 35L * BYTES, ORDER);
    a30.intoMemorySegment(MEMORY, accumulators + 48L * BYTES, ORDER);
    a31.intoMemorySegment(MEMORY, accumulators + 49L * BYTES, ORDER);
    a32.intoMemorySegment(MEMORY, accumulators + 50L * BYTES, ORDER);
    a33.intoMemorySegment(MEMORY, accumulators + 51L * BYTES, ORDER);
  }

  private static void twoByFour(
      long accumulators, long w, long wStride, long x, long xStride, int blocks) {
    long w1 = w + wStride;
    long w2 = w1 + wStride;
    long w3 = w2 + wStride;
    long x1 = x + xStride;
    FloatVector a00 = FloatVector.zero(FLOATS);
    FloatVector a01 = a00;
    FloatVector a02 = a00;
    FloatVector a03 = a00;
    FloatVector a10 = a00;
    FloatVector a11 = a00;
    FloatVector a12 = a00;
    FloatVector a13 = a00;
    long end = (long) blocks * BYTES;
    for (long at = 0; at != end; at += BYTES) {
      FloatVector even0 = fromMemorySegment(FLOATS, MEMORY, x + 2 * at, ORDER);
      FloatVector odd0 = fromMemorySegment(FLOATS, MEMORY, x + 2 * at + BYTES, ORDER);
      FloatVector even1 = fromMemorySegment(FLOATS, MEMORY, x1 + 2 * at, ORDER);
      FloatVector odd1 = fromMemorySegment(FLOATS, MEMORY, x1 + 2 * at + BYTES, ORDER);
      IntVector pairs = fromMemorySegment(INTS, MEMORY, w + at, ORDER);
      FloatVector column = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      a00 = even0.fma(column, a00);
      a10 = even1.fma(column, a10);
      column = pairs.and(UPPER_HALF).reinterpretAsFloats();
      a00 = odd0.fma(column, a00);
      a10 = odd1.fma(column, a10);
      pairs = fromMemorySegment(INTS, MEMORY, w1 + at, ORDER);
      column = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      a01 = even0.fma(column, a01);
      a11 = even1.fma(column, a11);
      column = pairs.and(UPPER_HALF).reinterpretAsFloats();
      a01 = odd0.fma(column, a01);
      a11 = odd1.fma(column, a11);
      pairs = fromMemorySegment(INTS, MEMORY, w2 + at, ORDER);
      column = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      a02 = even0.fma(column, a02);
      a12 = even1.fma(column, a12);
      column = pairs.and(UPPER_HALF).reinterpretAsFloats();
      a02 = odd0.fma(column, a02);
      a12 = odd1.fma(column, a12);
      pairs = fromMemorySegment(INTS, MEMORY, w3 + at, ORDER);
      column = pairs.lanewise(LSHL, 16).reinterpretAsFloats();
      a03 = even0.fma(column, a03);
      a13 = even1.fma(column, a13);
      column = pairs.and(UPPER_HALF).reinterpretAsFloats();
      a03 = odd0.fma(column, a03);
      a13 = odd1.fma(column, a13);
    }
    a00.intoMemorySegment(MEMORY, accumulators, ORDER);
    a01.intoMemorySegment(MEMORY, accumulators + 1L * BYTES, ORDER);
    a02.intoMemorySegment(MEMORY, accumulators + 2L * BYTES, ORDER);
    a03.intoMemorySegment(MEMORY, accumulators + 3L * BYTES, ORDER);
    a10.intoMemorySegment(MEMORY, accumulators + 8L * BYTES, ORDER);
    a11.intoMemorySegment(MEMORY, accumulators + 9L * BYTES, ORDER);
    a12.intoMemorySegment(MEMORY, accumulators + 10L * BYTES, ORDER);
    a13.intoMemorySegment(MEMORY, accumulators + 11L * BYTES, ORDER);
  }
}
