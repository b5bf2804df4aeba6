package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import jdk.incubator.vector.FloatVector;

/**
 * The micro-kernel of attention: C = A B for a few rows of C, lanes along the columns, the inner
 * dimension one step after the other. No sum crosses lanes, and a row's result does not depend on
 * the rows beside it.
 *
 * <p>A is an array, since its elements are read one by one: a scalar read through a memory segment
 * is so much code that the compiler stops inlining, and vectors become objects. The loop of the
 * narrow tile has the form of {@link DotTile}'s, for the same reasons.
 */
final class OuterTile {

  /** Rows of C a tile: 4 where there are 32 vector registers, else 2. */
  static final int ROWS = Simd.LANES == 16 ? 4 : 2;

  private static final int WIDE = 4;

  private OuterTile() {}

  /**
   * C = A B.
   *
   * @param c {@code [rows, columns]}, rows {@code vectors} vectors apart
   * @param rows a multiple of {@link #ROWS}
   * @param a {@code [rows, inner]}, dense
   * @param b {@code [inner, columns]}, rows {@code vectors} vectors apart
   * @param vectors columns in vectors
   */
  static void multiply(long c, int rows, float[] a, int inner, long b, int vectors) {
    multiply(c, rows, a, 0, inner, b, vectors);
  }

  /** {@link #multiply(long, int, float[], int, long, int)} with A from element {@code a0} on. */
  static void multiply(long c, int rows, float[] a, int a0, int inner, long b, int vectors) {
    long stride = (long) vectors * BYTES;
    for (int row = 0; row < rows; row += ROWS) {
      long to = c + row * stride;
      int v = 0;
      for (; v <= vectors - WIDE; v += WIDE) {
        long at = (long) v * BYTES;
        if (ROWS == 4) {
          fourByFour(to + at, a, a0 + row * inner, inner, b + at, stride);
        } else {
          twoByFour(to + at, a, a0 + row * inner, inner, b + at, stride);
        }
      }
      for (; v < vectors; v++) {
        long at = (long) v * BYTES;
        for (int r = 0; r < ROWS; r += 2) {
          twoByOne(to + r * stride + at, a, a0 + (row + r) * inner, inner, b + at, stride);
        }
      }
    }
  }

  private static void fourByFour(long c, float[] a, int a0, int inner, long b, long stride) {
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
      long at = b + i * stride;
      FloatVector b0 = load(at);
      FloatVector b1 = load(at + BYTES);
      FloatVector b2 = load(at + 2L * BYTES);
      FloatVector b3 = load(at + 3L * BYTES);
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
    store4(c + stride, s10, s11, s12, s13);
    store4(c + 2 * stride, s20, s21, s22, s23);
    store4(c + 3 * stride, s30, s31, s32, s33);
  }

  private static void twoByFour(long c, float[] a, int a0, int inner, long b, long stride) {
    int a1 = a0 + inner;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    long end = b + inner * stride;
    int i = 0;
    for (long at = b; at != end; at += stride, i++) {
      FloatVector factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      FloatVector factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
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
    store(s00, c);
    store(s01, c + BYTES);
    store(s02, c + 2L * BYTES);
    store(s03, c + 3L * BYTES);
    long row1 = c + stride;
    store(s10, row1);
    store(s11, row1 + BYTES);
    store(s12, row1 + 2L * BYTES);
    store(s13, row1 + 3L * BYTES);
  }

  private static void twoByOne(long c, float[] a, int a0, int inner, long b, long stride) {
    int a1 = a0 + inner;
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    for (int i = 0; i < inner; i++) {
      FloatVector column = load(b + i * stride);
      s0 = FloatVector.broadcast(FLOATS, a[a0 + i]).fma(column, s0);
      s1 = FloatVector.broadcast(FLOATS, a[a1 + i]).fma(column, s1);
    }
    store(s0, c);
    store(s1, c + stride);
  }

  private static void store4(
      long address, FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
    store(a, address);
    store(b, address + BYTES);
    store(c, address + 2L * BYTES);
    store(d, address + 3L * BYTES);
  }
}
