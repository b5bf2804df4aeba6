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
   * @param b the codes, {@code [inner, CodePanel.ROWS]}
   * @param inner columns of the group
   * @param scales of the weight rows
   * @param zeros of the weight rows; 0 for symmetric codes, which have none
   * @param a the input, {@code [ROWS, inner]} from {@code a0} on
   * @param groupSums of the input rows, from {@code g0} on, {@code gStride} apart
   */
  static void addGroup(
      long sums,
      long b,
      int inner,
      long scales,
      long zeros,
      float[] a,
      int a0,
      float[] groupSums,
      int g0,
      int gStride) {
    if (ROWS == 4) {
      fourByFour(sums, b, inner, scales, zeros, a, a0, groupSums, g0, gStride);
    } else {
      twoByFour(sums, b, inner, scales, zeros, a, a0, groupSums, g0, gStride);
    }
  }

  private static void fourByFour(
      long sums,
      long b,
      int inner,
      long scales,
      long zeros,
      float[] a,
      int a0,
      float[] groupSums,
      int g0,
      int gStride) {
    int a1 = a0 + inner;
    int a2 = a1 + inner;
    int a3 = a2 + inner;
    int g1 = g0 + gStride;
    int g2 = g1 + gStride;
    int g3 = g2 + gStride;
    long sums1 = sums + STRIDE;
    long sums2 = sums1 + STRIDE;
    long sums3 = sums2 + STRIDE;
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
      FloatVector b0 = fromMemorySegment(FLOATS, MEMORY, at, ORDER);
      FloatVector b1 = fromMemorySegment(FLOATS, MEMORY, at + BYTES, ORDER);
      FloatVector b2 = fromMemorySegment(FLOATS, MEMORY, at + 2L * BYTES, ORDER);
      FloatVector b3 = fromMemorySegment(FLOATS, MEMORY, at + 3L * BYTES, ORDER);
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
    s00 = fromMemorySegment(FLOATS, MEMORY, scales, ORDER).fma(s00, fromMemorySegment(FLOATS, MEMORY, sums, ORDER));
    s01 = fromMemorySegment(FLOATS, MEMORY, scales + BYTES, ORDER).fma(s01, fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER));
    s02 = fromMemorySegment(FLOATS, MEMORY, scales + 2L * BYTES, ORDER).fma(s02, fromMemorySegment(FLOATS, MEMORY, sums + 2L * BYTES, ORDER));
    s03 = fromMemorySegment(FLOATS, MEMORY, scales + 3L * BYTES, ORDER).fma(s03, fromMemorySegment(FLOATS, MEMORY, sums + 3L * BYTES, ORDER));
    if (zeros != 0) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g0]);
      s00 = fromMemorySegment(FLOATS, MEMORY, zeros, ORDER).fma(factor, s00);
      s01 = fromMemorySegment(FLOATS, MEMORY, zeros + BYTES, ORDER).fma(factor, s01);
      s02 = fromMemorySegment(FLOATS, MEMORY, zeros + 2L * BYTES, ORDER).fma(factor, s02);
      s03 = fromMemorySegment(FLOATS, MEMORY, zeros + 3L * BYTES, ORDER).fma(factor, s03);
    }
    s00.intoMemorySegment(MEMORY, sums, ORDER);
    s01.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
    s02.intoMemorySegment(MEMORY, sums + 2L * BYTES, ORDER);
    s03.intoMemorySegment(MEMORY, sums + 3L * BYTES, ORDER);
    s10 = fromMemorySegment(FLOATS, MEMORY, scales, ORDER).fma(s10, fromMemorySegment(FLOATS, MEMORY, sums1, ORDER));
    s11 = fromMemorySegment(FLOATS, MEMORY, scales + BYTES, ORDER).fma(s11, fromMemorySegment(FLOATS, MEMORY, sums1 + BYTES, ORDER));
    s12 = fromMemorySegment(FLOATS, MEMORY, scales + 2L * BYTES, ORDER).fma(s12, fromMemorySegment(FLOATS, MEMORY, sums1 + 2L * BYTES, ORDER));
    s13 = fromMemorySegment(FLOATS, MEMORY, scales + 3L * BYTES, ORDER).fma(s13, fromMemorySegment(FLOATS, MEMORY, sums1 + 3L * BYTES, ORDER));
    if (zeros != 0) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g1]);
      s10 = fromMemorySegment(FLOATS, MEMORY, zeros, ORDER).fma(factor, s10);
      s11 = fromMemorySegment(FLOATS, MEMORY, zeros + BYTES, ORDER).fma(factor, s11);
      s12 = fromMemorySegment(FLOATS, MEMORY, zeros + 2L * BYTES, ORDER).fma(factor, s12);
      s13 = fromMemorySegment(FLOATS, MEMORY, zeros + 3L * BYTES, ORDER).fma(factor, s13);
    }
    s10.intoMemorySegment(MEMORY, sums1, ORDER);
    s11.intoMemorySegment(MEMORY, sums1 + BYTES, ORDER);
    s12.intoMemorySegment(MEMORY, sums1 + 2L * BYTES, ORDER);
    s13.intoMemorySegment(MEMORY, sums1 + 3L * BYTES, ORDER);
    s20 = fromMemorySegment(FLOATS, MEMORY, scales, ORDER).fma(s20, fromMemorySegment(FLOATS, MEMORY, sums2, ORDER));
    s21 = fromMemorySegment(FLOATS, MEMORY, scales + BYTES, ORDER).fma(s21, fromMemorySegment(FLOATS, MEMORY, sums2 + BYTES, ORDER));
    s22 = fromMemorySegment(FLOATS, MEMORY, scales + 2L * BYTES, ORDER).fma(s22, fromMemorySegment(FLOATS, MEMORY, sums2 + 2L * BYTES, ORDER));
    s23 = fromMemorySegment(FLOATS, MEMORY, scales + 3L * BYTES, ORDER).fma(s23, fromMemorySegment(FLOATS, MEMORY, sums2 + 3L * BYTES, ORDER));
    if (zeros != 0) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g2]);
      s20 = fromMemorySegment(FLOATS, MEMORY, zeros, ORDER).fma(factor, s20);
      s21 = fromMemorySegment(FLOATS, MEMORY, zeros + BYTES, ORDER).fma(factor, s21);
      s22 = fromMemorySegment(FLOATS, MEMORY, zeros + 2L * BYTES, ORDER).fma(factor, s22);
      s23 = fromMemorySegment(FLOATS, MEMORY, zeros + 3L * BYTES, ORDER).fma(factor, s23);
    }
    s20.intoMemorySegment(MEMORY, sums2, ORDER);
    s21.intoMemorySegment(MEMORY, sums2 + BYTES, ORDER);
    s22.intoMemorySegment(MEMORY, sums2 + 2L * BYTES, ORDER);
    s23.intoMemorySegment(MEMORY, sums2 + 3L * BYTES, ORDER);
    s30 = fromMemorySegment(FLOATS, MEMORY, scales, ORDER).fma(s30, fromMemorySegment(FLOATS, MEMORY, sums3, ORDER));
    s31 = fromMemorySegment(FLOATS, MEMORY, scales + BYTES, ORDER).fma(s31, fromMemorySegment(FLOATS, MEMORY, sums3 + BYTES, ORDER));
    s32 = fromMemorySegment(FLOATS, MEMORY, scales + 2L * BYTES, ORDER).fma(s32, fromMemorySegment(FLOATS, MEMORY, sums3 + 2L * BYTES, ORDER));
    s33 = fromMemorySegment(FLOATS, MEMORY, scales + 3L * BYTES, ORDER).fma(s33, fromMemorySegment(FLOATS, MEMORY, sums3 + 3L * BYTES, ORDER));
    if (zeros != 0) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g3]);
      s30 = fromMemorySegment(FLOATS, MEMORY, zeros, ORDER).fma(factor, s30);
      s31 = fromMemorySegment(FLOATS, MEMORY, zeros + BYTES, ORDER).fma(factor, s31);
      s32 = fromMemorySegment(FLOATS, MEMORY, zeros + 2L * BYTES, ORDER).fma(factor, s32);
      s33 = fromMemorySegment(FLOATS, MEMORY, zeros + 3L * BYTES, ORDER).fma(factor, s33);
    }
    s30.intoMemorySegment(MEMORY, sums3, ORDER);
    s31.intoMemorySegment(MEMORY, sums3 + BYTES, ORDER);
    s32.intoMemorySegment(MEMORY, sums3 + 2L * BYTES, ORDER);
    s33.intoMemorySegment(MEMORY, sums3 + 3L * BYTES, ORDER);
  }

  private static void twoByFour(
      long sums,
      long b,
      int inner,
      long scales,
      long zeros,
      float[] a,
      int a0,
      float[] groupSums,
      int g0,
      int gStride) {
    int a1 = a0 + inner;
    int g1 = g0 + gStride;
    long sums1 = sums + STRIDE;
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
    }
    s00 = fromMemorySegment(FLOATS, MEMORY, scales, ORDER).fma(s00, fromMemorySegment(FLOATS, MEMORY, sums, ORDER));
    s01 = fromMemorySegment(FLOATS, MEMORY, scales + BYTES, ORDER).fma(s01, fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER));
    s02 = fromMemorySegment(FLOATS, MEMORY, scales + 2L * BYTES, ORDER).fma(s02, fromMemorySegment(FLOATS, MEMORY, sums + 2L * BYTES, ORDER));
    s03 = fromMemorySegment(FLOATS, MEMORY, scales + 3L * BYTES, ORDER).fma(s03, fromMemorySegment(FLOATS, MEMORY, sums + 3L * BYTES, ORDER));
    if (zeros != 0) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g0]);
      s00 = fromMemorySegment(FLOATS, MEMORY, zeros, ORDER).fma(factor, s00);
      s01 = fromMemorySegment(FLOATS, MEMORY, zeros + BYTES, ORDER).fma(factor, s01);
      s02 = fromMemorySegment(FLOATS, MEMORY, zeros + 2L * BYTES, ORDER).fma(factor, s02);
      s03 = fromMemorySegment(FLOATS, MEMORY, zeros + 3L * BYTES, ORDER).fma(factor, s03);
    }
    s00.intoMemorySegment(MEMORY, sums, ORDER);
    s01.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
    s02.intoMemorySegment(MEMORY, sums + 2L * BYTES, ORDER);
    s03.intoMemorySegment(MEMORY, sums + 3L * BYTES, ORDER);
    s10 = fromMemorySegment(FLOATS, MEMORY, scales, ORDER).fma(s10, fromMemorySegment(FLOATS, MEMORY, sums1, ORDER));
    s11 = fromMemorySegment(FLOATS, MEMORY, scales + BYTES, ORDER).fma(s11, fromMemorySegment(FLOATS, MEMORY, sums1 + BYTES, ORDER));
    s12 = fromMemorySegment(FLOATS, MEMORY, scales + 2L * BYTES, ORDER).fma(s12, fromMemorySegment(FLOATS, MEMORY, sums1 + 2L * BYTES, ORDER));
    s13 = fromMemorySegment(FLOATS, MEMORY, scales + 3L * BYTES, ORDER).fma(s13, fromMemorySegment(FLOATS, MEMORY, sums1 + 3L * BYTES, ORDER));
    if (zeros != 0) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g1]);
      s10 = fromMemorySegment(FLOATS, MEMORY, zeros, ORDER).fma(factor, s10);
      s11 = fromMemorySegment(FLOATS, MEMORY, zeros + BYTES, ORDER).fma(factor, s11);
      s12 = fromMemorySegment(FLOATS, MEMORY, zeros + 2L * BYTES, ORDER).fma(factor, s12);
      s13 = fromMemorySegment(FLOATS, MEMORY, zeros + 3L * BYTES, ORDER).fma(factor, s13);
    }
    s10.intoMemorySegment(MEMORY, sums1, ORDER);
    s11.intoMemorySegment(MEMORY, sums1 + BYTES, ORDER);
    s12.intoMemorySegment(MEMORY, sums1 + 2L * BYTES, ORDER);
    s13.intoMemorySegment(MEMORY, sums1 + 3L * BYTES, ORDER);
  }
}
