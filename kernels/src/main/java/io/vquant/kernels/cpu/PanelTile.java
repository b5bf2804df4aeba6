package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.MEMORY;
import static io.vquant.kernels.cpu.Simd.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import jdk.incubator.vector.FloatVector;

/**
 * The micro-kernel of products of many input rows with codes: a few input rows, four vectors of
 * weight rows and the columns of one group, whose codes are in F32 ({@link PanelFloats}) and in the
 * first-level cache. The chains stay in registers until the group's grid is applied to them.
 *
 * <p>The loops call nothing but the Vector API: see {@link CodePanel}.
 */
final class PanelTile {

  /** Input rows of a tile: 4 where there are 32 vector registers, else 2. */
  static final int ROWS = Simd.LANES == 16 ? 4 : 2;

  /** Bytes between rows of codes and of sums. */
  static final long STRIDE = 4L * BYTES;

  private PanelTile() {}

  /**
   * With {@code chain = A B}: {@code sum = fma(scale, chain, sum)}, then {@code sum = fma(zero,
   * group sum, sum)}.
   *
   * @param sums {@code [ROWS, CodePanel.ROWS]}
   * @param b {@code [inner, CodePanel.ROWS]} codes, then the scales of the weight rows, then zeros
   * @param inner columns of the group
   * @param asymmetric whether there are zeros
   * @param a {@code [ROWS, inner + 1]} from {@code a0} on, the input rows, each with its group sum
   */
  static void addGroup(long sums, long b, int inner, boolean asymmetric, float[] a, int a0) {
    if (ROWS == 4) {
      fourByFour(sums, b, inner, asymmetric, a, a0);
    } else {
      twoByFour(sums, b, inner, asymmetric, a, a0);
    }
  }

  private static void fourByFour(
      long sums, long b, int inner, boolean asymmetric, float[] a, int a0) {
    int a1 = inner + 1;
    int a2 = a1 + a1;
    int a3 = a2 + a1;
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
    long end = b + inner * STRIDE;
    int k = a0;
    for (long at = b; at != end; at += STRIDE) {
      FloatVector b0 = fromMemorySegment(FLOATS, MEMORY, at, ORDER);
      FloatVector b1 = fromMemorySegment(FLOATS, MEMORY, at + BYTES, ORDER);
      FloatVector b2 = fromMemorySegment(FLOATS, MEMORY, at + 2L * BYTES, ORDER);
      FloatVector b3 = fromMemorySegment(FLOATS, MEMORY, at + 3L * BYTES, ORDER);
      FloatVector factor = FloatVector.broadcast(FLOATS, a[k]);
      s00 = factor.fma(b0, s00);
      s01 = factor.fma(b1, s01);
      s02 = factor.fma(b2, s02);
      s03 = factor.fma(b3, s03);
      factor = FloatVector.broadcast(FLOATS, a[k + a1]);
      s10 = factor.fma(b0, s10);
      s11 = factor.fma(b1, s11);
      s12 = factor.fma(b2, s12);
      s13 = factor.fma(b3, s13);
      factor = FloatVector.broadcast(FLOATS, a[k + a2]);
      s20 = factor.fma(b0, s20);
      s21 = factor.fma(b1, s21);
      s22 = factor.fma(b2, s22);
      s23 = factor.fma(b3, s23);
      factor = FloatVector.broadcast(FLOATS, a[k + a3]);
      s30 = factor.fma(b0, s30);
      s31 = factor.fma(b1, s31);
      s32 = factor.fma(b2, s32);
      s33 = factor.fma(b3, s33);
      k++;
    }
    FloatVector grid0 = fromMemorySegment(FLOATS, MEMORY, end, ORDER);
    FloatVector grid1 = fromMemorySegment(FLOATS, MEMORY, end + BYTES, ORDER);
    FloatVector grid2 = fromMemorySegment(FLOATS, MEMORY, end + 2L * BYTES, ORDER);
    FloatVector grid3 = fromMemorySegment(FLOATS, MEMORY, end + 3L * BYTES, ORDER);
    s00 = grid0.fma(s00, fromMemorySegment(FLOATS, MEMORY, sums, ORDER));
    s01 = grid1.fma(s01, fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER));
    s02 = grid2.fma(s02, fromMemorySegment(FLOATS, MEMORY, sums + 2L * BYTES, ORDER));
    s03 = grid3.fma(s03, fromMemorySegment(FLOATS, MEMORY, sums + 3L * BYTES, ORDER));
    s10 = grid0.fma(s10, fromMemorySegment(FLOATS, MEMORY, sums + 4L * BYTES, ORDER));
    s11 = grid1.fma(s11, fromMemorySegment(FLOATS, MEMORY, sums + 5L * BYTES, ORDER));
    s12 = grid2.fma(s12, fromMemorySegment(FLOATS, MEMORY, sums + 6L * BYTES, ORDER));
    s13 = grid3.fma(s13, fromMemorySegment(FLOATS, MEMORY, sums + 7L * BYTES, ORDER));
    s20 = grid0.fma(s20, fromMemorySegment(FLOATS, MEMORY, sums + 8L * BYTES, ORDER));
    s21 = grid1.fma(s21, fromMemorySegment(FLOATS, MEMORY, sums + 9L * BYTES, ORDER));
    s22 = grid2.fma(s22, fromMemorySegment(FLOATS, MEMORY, sums + 10L * BYTES, ORDER));
    s23 = grid3.fma(s23, fromMemorySegment(FLOATS, MEMORY, sums + 11L * BYTES, ORDER));
    s30 = grid0.fma(s30, fromMemorySegment(FLOATS, MEMORY, sums + 12L * BYTES, ORDER));
    s31 = grid1.fma(s31, fromMemorySegment(FLOATS, MEMORY, sums + 13L * BYTES, ORDER));
    s32 = grid2.fma(s32, fromMemorySegment(FLOATS, MEMORY, sums + 14L * BYTES, ORDER));
    s33 = grid3.fma(s33, fromMemorySegment(FLOATS, MEMORY, sums + 15L * BYTES, ORDER));
    if (asymmetric) {
      grid0 = fromMemorySegment(FLOATS, MEMORY, end + 4L * BYTES, ORDER);
      grid1 = fromMemorySegment(FLOATS, MEMORY, end + 5L * BYTES, ORDER);
      grid2 = fromMemorySegment(FLOATS, MEMORY, end + 6L * BYTES, ORDER);
      grid3 = fromMemorySegment(FLOATS, MEMORY, end + 7L * BYTES, ORDER);
      FloatVector groupSum = FloatVector.broadcast(FLOATS, a[k]);
      s00 = grid0.fma(groupSum, s00);
      s01 = grid1.fma(groupSum, s01);
      s02 = grid2.fma(groupSum, s02);
      s03 = grid3.fma(groupSum, s03);
      groupSum = FloatVector.broadcast(FLOATS, a[k + a1]);
      s10 = grid0.fma(groupSum, s10);
      s11 = grid1.fma(groupSum, s11);
      s12 = grid2.fma(groupSum, s12);
      s13 = grid3.fma(groupSum, s13);
      groupSum = FloatVector.broadcast(FLOATS, a[k + a2]);
      s20 = grid0.fma(groupSum, s20);
      s21 = grid1.fma(groupSum, s21);
      s22 = grid2.fma(groupSum, s22);
      s23 = grid3.fma(groupSum, s23);
      groupSum = FloatVector.broadcast(FLOATS, a[k + a3]);
      s30 = grid0.fma(groupSum, s30);
      s31 = grid1.fma(groupSum, s31);
      s32 = grid2.fma(groupSum, s32);
      s33 = grid3.fma(groupSum, s33);
    }
    s00.intoMemorySegment(MEMORY, sums, ORDER);
    s01.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
    s02.intoMemorySegment(MEMORY, sums + 2L * BYTES, ORDER);
    s03.intoMemorySegment(MEMORY, sums + 3L * BYTES, ORDER);
    s10.intoMemorySegment(MEMORY, sums + 4L * BYTES, ORDER);
    s11.intoMemorySegment(MEMORY, sums + 5L * BYTES, ORDER);
    s12.intoMemorySegment(MEMORY, sums + 6L * BYTES, ORDER);
    s13.intoMemorySegment(MEMORY, sums + 7L * BYTES, ORDER);
    s20.intoMemorySegment(MEMORY, sums + 8L * BYTES, ORDER);
    s21.intoMemorySegment(MEMORY, sums + 9L * BYTES, ORDER);
    s22.intoMemorySegment(MEMORY, sums + 10L * BYTES, ORDER);
    s23.intoMemorySegment(MEMORY, sums + 11L * BYTES, ORDER);
    s30.intoMemorySegment(MEMORY, sums + 12L * BYTES, ORDER);
    s31.intoMemorySegment(MEMORY, sums + 13L * BYTES, ORDER);
    s32.intoMemorySegment(MEMORY, sums + 14L * BYTES, ORDER);
    s33.intoMemorySegment(MEMORY, sums + 15L * BYTES, ORDER);
  }

  private static void twoByFour(
      long sums, long b, int inner, boolean asymmetric, float[] a, int a0) {
    int a1 = inner + 1;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    long end = b + inner * STRIDE;
    int k = a0;
    for (long at = b; at != end; at += STRIDE) {
      FloatVector factor0 = FloatVector.broadcast(FLOATS, a[k]);
      FloatVector factor1 = FloatVector.broadcast(FLOATS, a[k + a1]);
      FloatVector column = fromMemorySegment(FLOATS, MEMORY, at, ORDER);
      s00 = factor0.fma(column, s00);
      s10 = factor1.fma(column, s10);
      column = fromMemorySegment(FLOATS, MEMORY, at + BYTES, ORDER);
      s01 = factor0.fma(column, s01);
      s11 = factor1.fma(column, s11);
      column = fromMemorySegment(FLOATS, MEMORY, at + 2L * BYTES, ORDER);
      s02 = factor0.fma(column, s02);
      s12 = factor1.fma(column, s12);
      column = fromMemorySegment(FLOATS, MEMORY, at + 3L * BYTES, ORDER);
      s03 = factor0.fma(column, s03);
      s13 = factor1.fma(column, s13);
      k++;
    }
    FloatVector grid0 = fromMemorySegment(FLOATS, MEMORY, end, ORDER);
    FloatVector grid1 = fromMemorySegment(FLOATS, MEMORY, end + BYTES, ORDER);
    FloatVector grid2 = fromMemorySegment(FLOATS, MEMORY, end + 2L * BYTES, ORDER);
    FloatVector grid3 = fromMemorySegment(FLOATS, MEMORY, end + 3L * BYTES, ORDER);
    s00 = grid0.fma(s00, fromMemorySegment(FLOATS, MEMORY, sums, ORDER));
    s01 = grid1.fma(s01, fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER));
    s02 = grid2.fma(s02, fromMemorySegment(FLOATS, MEMORY, sums + 2L * BYTES, ORDER));
    s03 = grid3.fma(s03, fromMemorySegment(FLOATS, MEMORY, sums + 3L * BYTES, ORDER));
    s10 = grid0.fma(s10, fromMemorySegment(FLOATS, MEMORY, sums + 4L * BYTES, ORDER));
    s11 = grid1.fma(s11, fromMemorySegment(FLOATS, MEMORY, sums + 5L * BYTES, ORDER));
    s12 = grid2.fma(s12, fromMemorySegment(FLOATS, MEMORY, sums + 6L * BYTES, ORDER));
    s13 = grid3.fma(s13, fromMemorySegment(FLOATS, MEMORY, sums + 7L * BYTES, ORDER));
    if (asymmetric) {
      grid0 = fromMemorySegment(FLOATS, MEMORY, end + 4L * BYTES, ORDER);
      grid1 = fromMemorySegment(FLOATS, MEMORY, end + 5L * BYTES, ORDER);
      grid2 = fromMemorySegment(FLOATS, MEMORY, end + 6L * BYTES, ORDER);
      grid3 = fromMemorySegment(FLOATS, MEMORY, end + 7L * BYTES, ORDER);
      FloatVector groupSum = FloatVector.broadcast(FLOATS, a[k]);
      s00 = grid0.fma(groupSum, s00);
      s01 = grid1.fma(groupSum, s01);
      s02 = grid2.fma(groupSum, s02);
      s03 = grid3.fma(groupSum, s03);
      groupSum = FloatVector.broadcast(FLOATS, a[k + a1]);
      s10 = grid0.fma(groupSum, s10);
      s11 = grid1.fma(groupSum, s11);
      s12 = grid2.fma(groupSum, s12);
      s13 = grid3.fma(groupSum, s13);
    }
    s00.intoMemorySegment(MEMORY, sums, ORDER);
    s01.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
    s02.intoMemorySegment(MEMORY, sums + 2L * BYTES, ORDER);
    s03.intoMemorySegment(MEMORY, sums + 3L * BYTES, ORDER);
    s10.intoMemorySegment(MEMORY, sums + 4L * BYTES, ORDER);
    s11.intoMemorySegment(MEMORY, sums + 5L * BYTES, ORDER);
    s12.intoMemorySegment(MEMORY, sums + 6L * BYTES, ORDER);
    s13.intoMemorySegment(MEMORY, sums + 7L * BYTES, ORDER);
  }
}
