package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import jdk.incubator.vector.FloatVector;

/**
 * The micro-kernel of products of many input rows with codes: C = A B for a few input rows, four
 * vectors of weight rows and the columns of one group, B in F32 ({@link PanelFloats}) that stays in
 * the first-level cache. As {@link OuterTile}; {@link #fold} then applies the group's grid.
 */
final class PanelTile {

  /** Input rows of a tile: 4 where there are 32 vector registers, else 2. */
  static final int ROWS = Simd.LANES == 16 ? 4 : 2;

  /** Bytes between rows of B and of C. */
  static final long STRIDE = 4L * BYTES;

  private PanelTile() {}

  /**
   * C = A B.
   *
   * @param c {@code [ROWS, CodePanel.ROWS]}
   * @param a {@code [ROWS, inner]} from {@code a0} on, rows {@code aStride} elements apart
   * @param b {@code [inner, CodePanel.ROWS]}
   */
  static void multiply(long c, float[] a, int a0, int aStride, int inner, long b) {
    if (ROWS == 4) {
      fourByFour(c, a, a0, aStride, inner, b);
    } else {
      twoByFour(c, a, a0, aStride, inner, b);
    }
  }

  /**
   * {@code sum = fma(scale, c, sum)}, then {@code sum = fma(zero, group sum, sum)}.
   *
   * @param sums {@code [ROWS, CodePanel.ROWS]}
   * @param c of the same shape
   * @param groupSums of the input rows, from {@code g0} on, {@code gStride} apart
   */
  static void fold(
      long sums, long c, long scales, long zeros, float[] groupSums, int g0, int gStride) {
    int g = g0;
    long chains = c;
    long end = sums + ROWS * STRIDE;
    for (long to = sums; to != end; to += STRIDE, chains += STRIDE, g += gStride) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g]);
      FloatVector sum0 = load(scales).fma(load(chains), load(to));
      FloatVector sum1 = load(scales + BYTES).fma(load(chains + BYTES), load(to + BYTES));
      FloatVector sum2 =
          load(scales + 2L * BYTES).fma(load(chains + 2L * BYTES), load(to + 2L * BYTES));
      FloatVector sum3 =
          load(scales + 3L * BYTES).fma(load(chains + 3L * BYTES), load(to + 3L * BYTES));
      store(load(zeros).fma(factor, sum0), to);
      store(load(zeros + BYTES).fma(factor, sum1), to + BYTES);
      store(load(zeros + 2L * BYTES).fma(factor, sum2), to + 2L * BYTES);
      store(load(zeros + 3L * BYTES).fma(factor, sum3), to + 3L * BYTES);
    }
  }

  /** The same for symmetric codes, which have no zeros. */
  static void scale(long sums, long c, long scales) {
    long chains = c;
    long end = sums + ROWS * STRIDE;
    for (long to = sums; to != end; to += STRIDE, chains += STRIDE) {
      store(load(scales).fma(load(chains), load(to)), to);
      store(load(scales + BYTES).fma(load(chains + BYTES), load(to + BYTES)), to + BYTES);
      long at = 2L * BYTES;
      store(load(scales + at).fma(load(chains + at), load(to + at)), to + at);
      at = 3L * BYTES;
      store(load(scales + at).fma(load(chains + at), load(to + at)), to + at);
    }
  }

  private static void fourByFour(long c, float[] a, int a0, int aStride, int inner, long b) {
    int a1 = a0 + aStride;
    int a2 = a1 + aStride;
    int a3 = a2 + aStride;
    long c1 = c + STRIDE;
    long c2 = c1 + STRIDE;
    long c3 = c2 + STRIDE;
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
      long at = b + i * STRIDE;
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
    store(s00, c);
    store(s01, c + BYTES);
    store(s02, c + 2L * BYTES);
    store(s03, c + 3L * BYTES);
    store(s10, c1);
    store(s11, c1 + BYTES);
    store(s12, c1 + 2L * BYTES);
    store(s13, c1 + 3L * BYTES);
    store(s20, c2);
    store(s21, c2 + BYTES);
    store(s22, c2 + 2L * BYTES);
    store(s23, c2 + 3L * BYTES);
    store(s30, c3);
    store(s31, c3 + BYTES);
    store(s32, c3 + 2L * BYTES);
    store(s33, c3 + 3L * BYTES);
  }

  private static void twoByFour(long c, float[] a, int a0, int aStride, int inner, long b) {
    int a1 = a0 + aStride;
    long c1 = c + STRIDE;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    long end = b + inner * STRIDE;
    int i = 0;
    for (long at = b; at != end; at += STRIDE, i++) {
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
    store(s10, c1);
    store(s11, c1 + BYTES);
    store(s12, c1 + 2L * BYTES);
    store(s13, c1 + 3L * BYTES);
  }
}
