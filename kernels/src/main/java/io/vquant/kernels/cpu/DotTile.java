package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import jdk.incubator.vector.FloatVector;

/**
 * The micro-kernel of matrix products: dot products of {@link #ROWS} input rows with four weight
 * rows, one accumulator each, lanes along the inner dimension. As many accumulators as lanes, so
 * that one {@link LaneReduction} turns them into the tile's sums, row by row.
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

  /** Input rows of a tile. */
  static final int ROWS = Simd.LANES / COLUMNS;

  private DotTile() {}

  /**
   * Computes the accumulators of one tile.
   *
   * @param accumulators receives {@code ROWS * 4} vectors, row-major
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
      FloatVector b0 = load(w + at);
      FloatVector b1 = load(w1 + at);
      FloatVector b2 = load(w2 + at);
      FloatVector b3 = load(w3 + at);
      FloatVector row = load(x + at);
      a00 = row.fma(b0, a00);
      a01 = row.fma(b1, a01);
      a02 = row.fma(b2, a02);
      a03 = row.fma(b3, a03);
      row = load(x1 + at);
      a10 = row.fma(b0, a10);
      a11 = row.fma(b1, a11);
      a12 = row.fma(b2, a12);
      a13 = row.fma(b3, a13);
      row = load(x2 + at);
      a20 = row.fma(b0, a20);
      a21 = row.fma(b1, a21);
      a22 = row.fma(b2, a22);
      a23 = row.fma(b3, a23);
      row = load(x3 + at);
      a30 = row.fma(b0, a30);
      a31 = row.fma(b1, a31);
      a32 = row.fma(b2, a32);
      a33 = row.fma(b3, a33);
    }
    store4(accumulators, a00, a01, a02, a03);
    store4(accumulators + 4L * BYTES, a10, a11, a12, a13);
    store4(accumulators + 8L * BYTES, a20, a21, a22, a23);
    store4(accumulators + 12L * BYTES, a30, a31, a32, a33);
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
      FloatVector row0 = load(x + at);
      FloatVector row1 = load(x1 + at);
      FloatVector column = load(w + at);
      a00 = row0.fma(column, a00);
      a10 = row1.fma(column, a10);
      column = load(w1 + at);
      a01 = row0.fma(column, a01);
      a11 = row1.fma(column, a11);
      column = load(w2 + at);
      a02 = row0.fma(column, a02);
      a12 = row1.fma(column, a12);
      column = load(w3 + at);
      a03 = row0.fma(column, a03);
      a13 = row1.fma(column, a13);
    }
    store(a00, accumulators);
    store(a01, accumulators + 1L * BYTES);
    store(a02, accumulators + 2L * BYTES);
    store(a03, accumulators + 3L * BYTES);
    store(a10, accumulators + 4L * BYTES);
    store(a11, accumulators + 5L * BYTES);
    store(a12, accumulators + 6L * BYTES);
    store(a13, accumulators + 7L * BYTES);
  }

  private static void store4(
      long address, FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
    store(a, address);
    store(b, address + BYTES);
    store(c, address + 2L * BYTES);
    store(d, address + 3L * BYTES);
  }
}
