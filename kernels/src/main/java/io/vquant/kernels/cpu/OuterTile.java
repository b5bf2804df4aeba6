package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import jdk.incubator.vector.FloatVector;

/**
 * The micro-kernel of attention: C += A B for a few rows of C, lanes along the columns, the inner
 * dimension one step after the other. No sum crosses lanes, and a row's result does not depend on
 * the rows beside it.
 */
final class OuterTile {

  /** Rows of C a tile: 4 where there are 32 vector registers, else 2. */
  static final int ROWS = Simd.LANES == 16 ? 4 : 2;

  private static final int WIDE = 4;

  private OuterTile() {}

  /**
   * C += A B.
   *
   * @param c {@code [rows, columns]}, whole vectors a row
   * @param cStride bytes between rows of C
   * @param rows a multiple of {@link #ROWS}
   * @param a {@code [rows, inner]}
   * @param aStride bytes between rows of A
   * @param b {@code [inner, columns]}, rows {@code vectors} vectors apart
   * @param vectors columns in vectors
   */
  static void multiplyAdd(
      long c, long cStride, int rows, long a, long aStride, int inner, long b, int vectors) {
    long bStride = (long) vectors * BYTES;
    for (int row = 0; row < rows; row += ROWS) {
      long cRow = c + row * cStride;
      long aRow = a + row * aStride;
      int v = 0;
      for (; v <= vectors - WIDE; v += WIDE) {
        long at = (long) v * BYTES;
        if (ROWS == 4) {
          fourByFour(cRow + at, cStride, aRow, aStride, inner, b + at, bStride);
        } else {
          twoByFour(cRow + at, cStride, aRow, aStride, inner, b + at, bStride);
        }
      }
      for (; v < vectors; v++) {
        long at = (long) v * BYTES;
        for (int r = 0; r < ROWS; r += 2) {
          twoByOne(
              cRow + r * cStride + at,
              cStride,
              aRow + r * aStride,
              aStride,
              inner,
              b + at,
              bStride);
        }
      }
    }
  }

  private static FloatVector broadcast(long address) {
    return FloatVector.broadcast(FLOATS, Simd.get(address));
  }

  private static void fourByFour(
      long c, long cStride, long a, long aStride, int inner, long b, long bStride) {
    long c1 = c + cStride;
    long c2 = c1 + cStride;
    long c3 = c2 + cStride;
    FloatVector s00 = load(c);
    FloatVector s01 = load(c + BYTES);
    FloatVector s02 = load(c + 2L * BYTES);
    FloatVector s03 = load(c + 3L * BYTES);
    FloatVector s10 = load(c1);
    FloatVector s11 = load(c1 + BYTES);
    FloatVector s12 = load(c1 + 2L * BYTES);
    FloatVector s13 = load(c1 + 3L * BYTES);
    FloatVector s20 = load(c2);
    FloatVector s21 = load(c2 + BYTES);
    FloatVector s22 = load(c2 + 2L * BYTES);
    FloatVector s23 = load(c2 + 3L * BYTES);
    FloatVector s30 = load(c3);
    FloatVector s31 = load(c3 + BYTES);
    FloatVector s32 = load(c3 + 2L * BYTES);
    FloatVector s33 = load(c3 + 3L * BYTES);
    for (int i = 0; i < inner; i++) {
      long at = b + i * bStride;
      FloatVector b0 = load(at);
      FloatVector b1 = load(at + BYTES);
      FloatVector b2 = load(at + 2L * BYTES);
      FloatVector b3 = load(at + 3L * BYTES);
      long element = a + 4L * i;
      FloatVector factor = broadcast(element);
      s00 = factor.fma(b0, s00);
      s01 = factor.fma(b1, s01);
      s02 = factor.fma(b2, s02);
      s03 = factor.fma(b3, s03);
      factor = broadcast(element + aStride);
      s10 = factor.fma(b0, s10);
      s11 = factor.fma(b1, s11);
      s12 = factor.fma(b2, s12);
      s13 = factor.fma(b3, s13);
      factor = broadcast(element + 2 * aStride);
      s20 = factor.fma(b0, s20);
      s21 = factor.fma(b1, s21);
      s22 = factor.fma(b2, s22);
      s23 = factor.fma(b3, s23);
      factor = broadcast(element + 3 * aStride);
      s30 = factor.fma(b0, s30);
      s31 = factor.fma(b1, s31);
      s32 = factor.fma(b2, s32);
      s33 = factor.fma(b3, s33);
    }
    store4(c, s00, s01, s02, s03);
    store4(c1, s10, s11, s12, s13);
    store4(c2, s20, s21, s22, s23);
    store4(c3, s30, s31, s32, s33);
  }

  private static void twoByFour(
      long c, long cStride, long a, long aStride, int inner, long b, long bStride) {
    long c1 = c + cStride;
    FloatVector s00 = load(c);
    FloatVector s01 = load(c + BYTES);
    FloatVector s02 = load(c + 2L * BYTES);
    FloatVector s03 = load(c + 3L * BYTES);
    FloatVector s10 = load(c1);
    FloatVector s11 = load(c1 + BYTES);
    FloatVector s12 = load(c1 + 2L * BYTES);
    FloatVector s13 = load(c1 + 3L * BYTES);
    for (int i = 0; i < inner; i++) {
      long at = b + i * bStride;
      FloatVector factor0 = broadcast(a + 4L * i);
      FloatVector factor1 = broadcast(a + 4L * i + aStride);
      FloatVector column = load(at);
      s00 = factor0.fma(column, s00);
      s10 = factor1.fma(column, s10);
      column = load(at + BYTES);
      s01 = factor0.fma(column, s01);
      s11 = factor1.fma(column, s11);
      column = load(at + 2L * BYTES);
      s02 = factor0.fma(column, s02);
      s12 = factor1.fma(column, s12);
      column = load(at + 3L * BYTES);
      s03 = factor0.fma(column, s03);
      s13 = factor1.fma(column, s13);
    }
    store4(c, s00, s01, s02, s03);
    store4(c1, s10, s11, s12, s13);
  }

  private static void twoByOne(
      long c, long cStride, long a, long aStride, int inner, long b, long bStride) {
    FloatVector s0 = load(c);
    FloatVector s1 = load(c + cStride);
    for (int i = 0; i < inner; i++) {
      FloatVector column = load(b + i * bStride);
      s0 = broadcast(a + 4L * i).fma(column, s0);
      s1 = broadcast(a + 4L * i + aStride).fma(column, s1);
    }
    store(s0, c);
    store(s1, c + cStride);
  }

  private static void store4(
      long address, FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
    store(a, address);
    store(b, address + BYTES);
    store(c, address + 2L * BYTES);
    store(d, address + 3L * BYTES);
  }
}
