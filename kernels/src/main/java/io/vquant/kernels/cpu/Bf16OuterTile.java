package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.evenBf16;
import static io.vquant.kernels.cpu.Simd.loadPairs;
import static io.vquant.kernels.cpu.Simd.oddBf16;
import static io.vquant.kernels.cpu.Simd.store;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * {@link OuterTile} with B in BF16, widened in registers: for the few rows of a decode step, which
 * read each page once. The columns of C come out in the lane order of {@link HalfRows}; every
 * element is the same sum as there, bit for bit.
 */
final class Bf16OuterTile {

  /** Columns a tile: four vectors. */
  static final int COLUMNS = 4 * Simd.LANES;

  private Bf16OuterTile() {}

  /**
   * C = A B.
   *
   * @param c {@code [rows, columns]} F32, dense
   * @param rows a multiple of {@link OuterTile#ROWS}
   * @param a {@code [rows, inner]}, dense
   * @param order row of B that belongs to a column of A, {@code [inner]}
   * @param b rows of {@code columns} BF16 elements, dense
   * @param columns a multiple of {@link #COLUMNS}
   */
  static void multiply(long c, int rows, float[] a, int inner, int[] order, long b, int columns) {
    long cStride = 4L * columns;
    for (int row = 0; row < rows; row += OuterTile.ROWS) {
      for (int column = 0; column < columns; column += COLUMNS) {
        long to = c + row * cStride + 4L * column;
        long from = b + 2L * column;
        if (OuterTile.ROWS == 4) {
          fourByFour(to, cStride, a, row * inner, inner, order, from, 2L * columns);
        } else {
          twoByFour(to, cStride, a, row * inner, inner, order, from, 2L * columns);
        }
      }
    }
  }

  private static void fourByFour(
      long c, long cStride, float[] a, int a0, int inner, int[] order, long b, long bStride) {
    int a1 = a0 + inner;
    int a2 = a1 + inner;
    int a3 = a2 + inner;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s22 = s00;
    FloatVector s23 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s32 = s00;
    FloatVector s33 = s00;
    for (int i = 0; i < inner; i++) {
      long at = b + order[i] * bStride;
      IntVector low = loadPairs(at);
      IntVector high = loadPairs(at + BYTES);
      FloatVector b0 = evenBf16(low);
      FloatVector b1 = oddBf16(low);
      FloatVector b2 = evenBf16(high);
      FloatVector b3 = oddBf16(high);
      FloatVector factor = FloatVector.broadcast(FLOATS, a[a0 + i]);
      s00 = factor.fma(b0, s00);
      s01 = factor.fma(b1, s01);
      s02 = factor.fma(b2, s02);
      s03 = factor.fma(b3, s03);
      factor = FloatVector.broadcast(FLOATS, a[a1 + i]);
      s10 = factor.fma(b0, s10);
      s11 = factor.fma(b1, s11);
      s12 = factor.fma(b2, s12);
      s13 = factor.fma(b3, s13);
      factor = FloatVector.broadcast(FLOATS, a[a2 + i]);
      s20 = factor.fma(b0, s20);
      s21 = factor.fma(b1, s21);
      s22 = factor.fma(b2, s22);
      s23 = factor.fma(b3, s23);
      factor = FloatVector.broadcast(FLOATS, a[a3 + i]);
      s30 = factor.fma(b0, s30);
      s31 = factor.fma(b1, s31);
      s32 = factor.fma(b2, s32);
      s33 = factor.fma(b3, s33);
    }
    store4(c, s00, s01, s02, s03);
    store4(c + cStride, s10, s11, s12, s13);
    store4(c + 2 * cStride, s20, s21, s22, s23);
    store4(c + 3 * cStride, s30, s31, s32, s33);
  }

  private static void twoByFour(
      long c, long cStride, float[] a, int a0, int inner, int[] order, long b, long bStride) {
    int a1 = a0 + inner;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    for (int i = 0; i < inner; i++) {
      long at = b + order[i] * bStride;
      FloatVector factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      FloatVector factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
      IntVector pairs = loadPairs(at);
      FloatVector column = evenBf16(pairs);
      s00 = factor0.fma(column, s00);
      s10 = factor1.fma(column, s10);
      column = oddBf16(pairs);
      s01 = factor0.fma(column, s01);
      s11 = factor1.fma(column, s11);
      pairs = loadPairs(at + BYTES);
      column = evenBf16(pairs);
      s02 = factor0.fma(column, s02);
      s12 = factor1.fma(column, s12);
      column = oddBf16(pairs);
      s03 = factor0.fma(column, s03);
      s13 = factor1.fma(column, s13);
    }
    store4(c, s00, s01, s02, s03);
    store4(c + cStride, s10, s11, s12, s13);
  }

  private static void store4(
      long address, FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
    store(a, address);
    store(b, address + BYTES);
    store(c, address + 2L * BYTES);
    store(d, address + 3L * BYTES);
  }
}
