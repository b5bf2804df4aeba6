package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.MEMORY;
import static io.vquant.kernels.cpu.Simd.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import jdk.incubator.vector.FloatVector;

/**
 * The micro-kernel of matrix products: dot products of {@link #ROWS} input rows with four weight
 * rows, one accumulator each, lanes along the inner dimension. Tiles side by side fill as many
 * accumulators a row as there are lanes, which one {@link LaneReduction} turns into sums.
 *
 * <p>Four rows by four columns where there are 32 vector registers (512 bits), two by four where
 * there are 16 (256 bits).
 *
 * <p>The narrow tile's loop ends at an address: the compiler unrolls loops that count, and puts the
 * loads of all steps first, more than 16 registers hold; the spills cost almost half the speed. The
 * tiles are too big to be inlined (over 325 bytes of bytecode), since vectors become objects where
 * too many kernels share one compilation.
 */
final class DotTile {

  /** Weight rows of a tile. */
  static final int COLUMNS = 4;

  /** Input rows of a tile: as many accumulators as lanes. */
  static final int ROWS = Simd.LANES / COLUMNS;

  private DotTile() {}

  /**
   * Computes the accumulators of one tile.
   *
   * @param accumulators receives a vector for each row and column, those of a row side by side, a
   *     row {@link Simd#LANES} vectors after the one before
   * @param w first of four weight rows in F32
   * @param wStride bytes between weight rows
   * @param x first of {@code ROWS} input rows
   * @param xStride bytes between input rows
   * @param vectors length of a row in vectors
   */
  static void accumulate(
      long accumulators, long w, long wStride, long x, long xStride, int vectors) {
    if (ROWS == 4) {
      fourByFour(accumulators, w, wStride, x, xStride, vectors);
    } else {
      twoByFour(accumulators, w, wStride, x, xStride, vectors);
    }
  }

  private static void fourByFour(
      long accumulators, long w, long wStride, long x, long xStride, int vectors) {
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
    for (int i = 0; i < vectors; i++) {
      long at = (long) i * BYTES;
      FloatVector b0 = fromMemorySegment(FLOATS, MEMORY, w + at, ORDER);
      FloatVector b1 = fromMemorySegment(FLOATS, MEMORY, w1 + at, ORDER);
      FloatVector b2 = fromMemorySegment(FLOATS, MEMORY, w2 + at, ORDER);
      FloatVector b3 = fromMemorySegment(FLOATS, MEMORY, w3 + at, ORDER);
      FloatVector row = fromMemorySegment(FLOATS, MEMORY, x + at, ORDER);
      a00 = row.fma(b0, a00);
      a01 = row.fma(b1, a01);
      a02 = row.fma(b2, a02);
      a03 = row.fma(b3, a03);
      row = fromMemorySegment(FLOATS, MEMORY, x1 + at, ORDER);
      a10 = row.fma(b0, a10);
      a11 = row.fma(b1, a11);
      a12 = row.fma(b2, a12);
      a13 = row.fma(b3, a13);
      row = fromMemorySegment(FLOATS, MEMORY, x2 + at, ORDER);
      a20 = row.fma(b0, a20);
      a21 = row.fma(b1, a21);
      a22 = row.fma(b2, a22);
      a23 = row.fma(b3, a23);
      row = fromMemorySegment(FLOATS, MEMORY, x3 + at, ORDER);
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
      long accumulators, long w, long wStride, long x, long xStride, int vectors) {
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
    long end = (long) vectors * BYTES;
    for (long at = 0; at != end; at += BYTES) {
      FloatVector row0 = fromMemorySegment(FLOATS, MEMORY, x + at, ORDER);
      FloatVector row1 = fromMemorySegment(FLOATS, MEMORY, x1 + at, ORDER);
      FloatVector column = fromMemorySegment(FLOATS, MEMORY, w + at, ORDER);
      a00 = row0.fma(column, a00);
      a10 = row1.fma(column, a10);
      column = fromMemorySegment(FLOATS, MEMORY, w1 + at, ORDER);
      a01 = row0.fma(column, a01);
      a11 = row1.fma(column, a11);
      column = fromMemorySegment(FLOATS, MEMORY, w2 + at, ORDER);
      a02 = row0.fma(column, a02);
      a12 = row1.fma(column, a12);
      column = fromMemorySegment(FLOATS, MEMORY, w3 + at, ORDER);
      a03 = row0.fma(column, a03);
      a13 = row1.fma(column, a13);
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
