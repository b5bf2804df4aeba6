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

  /** Rows a tile. */
  static final int ROWS = 2;

  /** Columns a tile: four vectors. */
  static final int COLUMNS = 4 * Simd.LANES;

  private Bf16OuterTile() {}

  /**
   * C = A B, in tiles of two rows by four vectors.
   *
   * @param c {@code [rows, columns]} F32, dense
   * @param rows a multiple of {@link #ROWS}
   * @param a {@code [rows, inner]}, dense
   * @param order row of B that belongs to a column of A, {@code [inner]}
   * @param b rows of {@code columns} BF16 elements, dense
   * @param columns a multiple of {@link #COLUMNS}
   */
  static void multiply(long c, int rows, float[] a, int inner, int[] order, long b, int columns) {
    for (int row = 0; row < rows; row += ROWS) {
      int a0 = row * inner;
      int a1 = a0 + inner;
      for (int column = 0; column < columns; column += COLUMNS) {
        FloatVector s00 = FloatVector.zero(FLOATS);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s12 = s00;
        FloatVector s13 = s00;
        for (int i = 0; i < inner; i++) {
          long at = b + 2L * order[i] * columns + 2L * column;
          FloatVector factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
          FloatVector factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
          IntVector pairs = loadPairs(at);
          FloatVector part = evenBf16(pairs);
          s00 = factor0.fma(part, s00);
          s10 = factor1.fma(part, s10);
          part = oddBf16(pairs);
          s01 = factor0.fma(part, s01);
          s11 = factor1.fma(part, s11);
          pairs = loadPairs(at + BYTES);
          part = evenBf16(pairs);
          s02 = factor0.fma(part, s02);
          s12 = factor1.fma(part, s12);
          part = oddBf16(pairs);
          s03 = factor0.fma(part, s03);
          s13 = factor1.fma(part, s13);
        }
        long to = c + 4L * ((long) row * columns + column);
        store(s00, to);
        store(s01, to + BYTES);
        store(s02, to + 2L * BYTES);
        store(s03, to + 3L * BYTES);
        to += 4L * columns;
        store(s10, to);
        store(s11, to + BYTES);
        store(s12, to + 2L * BYTES);
        store(s13, to + 3L * BYTES);
      }
    }
  }
}
