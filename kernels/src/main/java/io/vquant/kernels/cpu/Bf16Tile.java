package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.CodeFloats.bf16;
import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.store;

import jdk.incubator.vector.FloatVector;

/**
 * C = A B with B in BF16, widened in registers, columns in their own order: for the few rows of a
 * decode step. Each element is one chain of fma from zero along the inner dimension, the bits of
 * {@link OuterTile} on the same numbers. {@link Bf16OuterTile} is for pages whose columns are kept
 * in pairs.
 */
final class Bf16Tile {

  /** Columns come in whole multiples. */
  static final int COLUMNS = 2 * Simd.LANES;

  private Bf16Tile() {}

  /**
   * Multiplies.
   *
   * @param c {@code [rows, columns]} F32, rows {@code cStride} bytes apart
   * @param a {@code [rows, inner]}, rows {@code aStride} elements apart
   * @param b {@code [inner, columns]} BF16, dense
   * @param columns a multiple of {@link #COLUMNS}
   */
  static void multiply(
      long c, long cStride, int rows, float[] a, int aStride, long b, int inner, int columns) {
    long bStride = 2L * columns;
    for (int row = 0; row < rows; ) {
      int count = CodeTile.tileRows(rows - row);
      int from = row * aStride;
      for (int column = 0; column < columns; column += COLUMNS) {
        long to = c + row * cStride + 4L * column;
        long at = b + 2L * column;
        switch (count) {
          case 1 -> one(to, a, from, at, bStride, inner);
          case 2 -> two(to, cStride, a, from, aStride, at, bStride, inner);
          case 3 -> three(to, cStride, a, from, aStride, at, bStride, inner);
          default -> four(to, cStride, a, from, aStride, at, bStride, inner);
        }
      }
      row += count;
    }
  }

  private static void one(long c, float[] a, int a0, long b, long bStride, int inner) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    long end = b + inner * bStride;
    int i = 0;
    for (long at = b; at != end; at += bStride, i++) {
      FloatVector factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      FloatVector column = bf16(at);
      s00 = factor0.fma(column, s00);
      column = bf16(at + BYTES / 2);
      s01 = factor0.fma(column, s01);
    }
    store(s00, c);
    store(s01, c + BYTES);
  }

  private static void two(
      long c, long cStride, float[] a, int a0, int aStride, long b, long bStride, int inner) {
    int a1 = a0 + aStride;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    long end = b + inner * bStride;
    int i = 0;
    for (long at = b; at != end; at += bStride, i++) {
      FloatVector factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      FloatVector factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
      FloatVector column = bf16(at);
      s00 = factor0.fma(column, s00);
      s10 = factor1.fma(column, s10);
      column = bf16(at + BYTES / 2);
      s01 = factor0.fma(column, s01);
      s11 = factor1.fma(column, s11);
    }
    store(s00, c);
    store(s01, c + BYTES);
    long c1 = c + cStride;
    store(s10, c1);
    store(s11, c1 + BYTES);
  }

  private static void three(
      long c, long cStride, float[] a, int a0, int aStride, long b, long bStride, int inner) {
    int a1 = a0 + aStride;
    int a2 = a1 + aStride;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    long end = b + inner * bStride;
    int i = 0;
    for (long at = b; at != end; at += bStride, i++) {
      FloatVector factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      FloatVector factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
      FloatVector factor2 = FloatVector.broadcast(FLOATS, a[a2 + i]);
      FloatVector column = bf16(at);
      s00 = factor0.fma(column, s00);
      s10 = factor1.fma(column, s10);
      s20 = factor2.fma(column, s20);
      column = bf16(at + BYTES / 2);
      s01 = factor0.fma(column, s01);
      s11 = factor1.fma(column, s11);
      s21 = factor2.fma(column, s21);
    }
    store(s00, c);
    store(s01, c + BYTES);
    long c1 = c + cStride;
    store(s10, c1);
    store(s11, c1 + BYTES);
    long c2 = c1 + cStride;
    store(s20, c2);
    store(s21, c2 + BYTES);
  }

  private static void four(
      long c, long cStride, float[] a, int a0, int aStride, long b, long bStride, int inner) {
    int a1 = a0 + aStride;
    int a2 = a1 + aStride;
    int a3 = a2 + aStride;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    long end = b + inner * bStride;
    int i = 0;
    for (long at = b; at != end; at += bStride, i++) {
      FloatVector factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      FloatVector factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
      FloatVector factor2 = FloatVector.broadcast(FLOATS, a[a2 + i]);
      FloatVector factor3 = FloatVector.broadcast(FLOATS, a[a3 + i]);
      FloatVector column = bf16(at);
      s00 = factor0.fma(column, s00);
      s10 = factor1.fma(column, s10);
      s20 = factor2.fma(column, s20);
      s30 = factor3.fma(column, s30);
      column = bf16(at + BYTES / 2);
      s01 = factor0.fma(column, s01);
      s11 = factor1.fma(column, s11);
      s21 = factor2.fma(column, s21);
      s31 = factor3.fma(column, s31);
    }
    store(s00, c);
    store(s01, c + BYTES);
    long c1 = c + cStride;
    store(s10, c1);
    store(s11, c1 + BYTES);
    long c2 = c1 + cStride;
    store(s20, c2);
    store(s21, c2 + BYTES);
    long c3 = c2 + cStride;
    store(s30, c3);
    store(s31, c3 + BYTES);
  }
}
