package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.store;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * C = A B with B in packed codes, a few rows of A: what decode does with a page. B's words are
 * transposed ({@link WordTranspose}), so a lane is a column of C and each element is one chain of
 * fma from zero in the order of the inner dimension: the bits of {@link OuterTile} on the same
 * codes as floats, for vectors of any width and any number of rows.
 *
 * <p>Code n of a word is not shifted down: {@code word & (mask << bits n)} becomes a float as it
 * stands, {@code 2^(bits n)} times the code, exactly, and {@link #unscale} has divided A's elements
 * by that power. Only the top code, which would come out negative, is shifted.
 *
 * <p>The tiles have no counted loops, for the reasons in {@link DotTile}.
 */
final class CodeTile {

  /** Columns that C and B must have room for: whole multiples. */
  static final int COLUMN_BLOCK = 64;

  private static final long PAIR_BYTES = 2L * BYTES;

  private CodeTile() {}

  /**
   * Divides the factors of a code that is not shifted down by {@code 2^(bits n)}, in place. Exact
   * unless the quotient is subnormal.
   */
  static void unscale(float[] a, int from, int count, float[] powers) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector factors = FloatVector.fromArray(FLOATS, a, from + i);
      factors.mul(FloatVector.fromArray(FLOATS, powers, i)).intoArray(a, from + i);
    }
  }

  /** What {@link #unscale} multiplies a row by: {@code 2^-(bits n)}, 1 for the top code. */
  static float[] powers(int inner, int bits) {
    float[] powers = new float[inner];
    int step = Integer.SIZE / bits;
    for (int i = 0; i < inner; i++) {
      int n = i % step;
      powers[i] = n == step - 1 ? 1f : Math.scalb(1f, -bits * n);
    }
    return powers;
  }

  /**
   * Multiplies.
   *
   * @param c {@code [rows, columns]}, overwritten; up to the next multiple of {@link #COLUMN_BLOCK}
   *     columns with what is undefined
   * @param cStride bytes from row to row
   * @param a {@code [rows, inner]} from {@code a0} on, dense, {@link #unscale}d
   * @param inner a multiple of the codes in a word
   * @param words {@code [inner / codes a word, columns]}
   * @param wordStride bytes from row to row
   * @param bits of a code: 8, 4 or 2
   */
  static void multiply(
      long c,
      long cStride,
      int columns,
      float[] a,
      int a0,
      int rows,
      int inner,
      long words,
      long wordStride,
      int bits) {
    long end = (long) columns * Float.BYTES;
    for (int row = 0; row < rows; ) {
      int count = tileRows(rows - row);
      long to = c + row * cStride;
      int from = a0 + row * inner;
      for (long at = 0; at < end; at += count == 1 ? 2L * PAIR_BYTES : PAIR_BYTES) {
        switch (count) {
          case 1 -> one(to + at, a, from, inner, words + at, wordStride, bits);
          case 2 -> two(to + at, cStride, a, from, inner, words + at, wordStride, bits);
          case 3 -> three(to + at, cStride, a, from, inner, words + at, wordStride, bits);
          default -> four(to + at, cStride, a, from, inner, words + at, wordStride, bits);
        }
      }
      row += count;
    }
  }

  /** Rows of the next tile: as many as fit, but no tile of one row after one of four. */
  private static int tileRows(int rest) {
    return rest <= 4 ? rest : rest == 5 || rest == 6 || rest == 9 ? 3 : 4;
  }

  private static void one(long c, float[] a, int a0, int inner, long words, long stride, int bits) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    int i = 0;
    int step = Integer.SIZE / bits;
    int top = Integer.SIZE - bits;
    for (long at = words; i != inner; at += stride) {
      IntVector word0 = load(at);
      IntVector word1 = load(at + BYTES);
      IntVector word2 = load(at + 2L * BYTES);
      IntVector word3 = load(at + 3L * BYTES);
      FloatVector factor0;
      FloatVector codes;
      int mask = (1 << bits) - 1;
      for (int last = i + step - 1; i != last; i++) {
        factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
        codes = floats(word0.and(mask));
        s00 = factor0.fma(codes, s00);
        codes = floats(word1.and(mask));
        s01 = factor0.fma(codes, s01);
        codes = floats(word2.and(mask));
        s02 = factor0.fma(codes, s02);
        codes = floats(word3.and(mask));
        s03 = factor0.fma(codes, s03);
        mask <<= bits;
      }
      factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      codes = floats(word0.lanewise(VectorOperators.LSHR, top));
      s00 = factor0.fma(codes, s00);
      codes = floats(word1.lanewise(VectorOperators.LSHR, top));
      s01 = factor0.fma(codes, s01);
      codes = floats(word2.lanewise(VectorOperators.LSHR, top));
      s02 = factor0.fma(codes, s02);
      codes = floats(word3.lanewise(VectorOperators.LSHR, top));
      s03 = factor0.fma(codes, s03);
      i++;
    }
    store(s00, c);
    store(s01, c + BYTES);
    store(s02, c + 2L * BYTES);
    store(s03, c + 3L * BYTES);
  }

  private static void two(
      long c, long cStride, float[] a, int a0, int inner, long words, long stride, int bits) {
    int a1 = a0 + inner;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    int i = 0;
    int step = Integer.SIZE / bits;
    int top = Integer.SIZE - bits;
    for (long at = words; i != inner; at += stride) {
      IntVector word0 = load(at);
      IntVector word1 = load(at + BYTES);
      FloatVector factor0;
      FloatVector factor1;
      FloatVector codes;
      int mask = (1 << bits) - 1;
      for (int last = i + step - 1; i != last; i++) {
        factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
        factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
        codes = floats(word0.and(mask));
        s00 = factor0.fma(codes, s00);
        s10 = factor1.fma(codes, s10);
        codes = floats(word1.and(mask));
        s01 = factor0.fma(codes, s01);
        s11 = factor1.fma(codes, s11);
        mask <<= bits;
      }
      factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
      codes = floats(word0.lanewise(VectorOperators.LSHR, top));
      s00 = factor0.fma(codes, s00);
      s10 = factor1.fma(codes, s10);
      codes = floats(word1.lanewise(VectorOperators.LSHR, top));
      s01 = factor0.fma(codes, s01);
      s11 = factor1.fma(codes, s11);
      i++;
    }
    store(s00, c);
    store(s01, c + BYTES);
    long c1 = c + cStride;
    store(s10, c1);
    store(s11, c1 + BYTES);
  }

  private static void three(
      long c, long cStride, float[] a, int a0, int inner, long words, long stride, int bits) {
    int a1 = a0 + inner;
    int a2 = a1 + inner;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    int i = 0;
    int step = Integer.SIZE / bits;
    int top = Integer.SIZE - bits;
    for (long at = words; i != inner; at += stride) {
      IntVector word0 = load(at);
      IntVector word1 = load(at + BYTES);
      FloatVector factor0;
      FloatVector factor1;
      FloatVector factor2;
      FloatVector codes;
      int mask = (1 << bits) - 1;
      for (int last = i + step - 1; i != last; i++) {
        factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
        factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
        factor2 = FloatVector.broadcast(FLOATS, a[a2 + i]);
        codes = floats(word0.and(mask));
        s00 = factor0.fma(codes, s00);
        s10 = factor1.fma(codes, s10);
        s20 = factor2.fma(codes, s20);
        codes = floats(word1.and(mask));
        s01 = factor0.fma(codes, s01);
        s11 = factor1.fma(codes, s11);
        s21 = factor2.fma(codes, s21);
        mask <<= bits;
      }
      factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
      factor2 = FloatVector.broadcast(FLOATS, a[a2 + i]);
      codes = floats(word0.lanewise(VectorOperators.LSHR, top));
      s00 = factor0.fma(codes, s00);
      s10 = factor1.fma(codes, s10);
      s20 = factor2.fma(codes, s20);
      codes = floats(word1.lanewise(VectorOperators.LSHR, top));
      s01 = factor0.fma(codes, s01);
      s11 = factor1.fma(codes, s11);
      s21 = factor2.fma(codes, s21);
      i++;
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
      long c, long cStride, float[] a, int a0, int inner, long words, long stride, int bits) {
    int a1 = a0 + inner;
    int a2 = a1 + inner;
    int a3 = a2 + inner;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    int i = 0;
    int step = Integer.SIZE / bits;
    int top = Integer.SIZE - bits;
    for (long at = words; i != inner; at += stride) {
      IntVector word0 = load(at);
      IntVector word1 = load(at + BYTES);
      FloatVector factor0;
      FloatVector factor1;
      FloatVector factor2;
      FloatVector factor3;
      FloatVector codes;
      int mask = (1 << bits) - 1;
      for (int last = i + step - 1; i != last; i++) {
        factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
        factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
        factor2 = FloatVector.broadcast(FLOATS, a[a2 + i]);
        factor3 = FloatVector.broadcast(FLOATS, a[a3 + i]);
        codes = floats(word0.and(mask));
        s00 = factor0.fma(codes, s00);
        s10 = factor1.fma(codes, s10);
        s20 = factor2.fma(codes, s20);
        s30 = factor3.fma(codes, s30);
        codes = floats(word1.and(mask));
        s01 = factor0.fma(codes, s01);
        s11 = factor1.fma(codes, s11);
        s21 = factor2.fma(codes, s21);
        s31 = factor3.fma(codes, s31);
        mask <<= bits;
      }
      factor0 = FloatVector.broadcast(FLOATS, a[a0 + i]);
      factor1 = FloatVector.broadcast(FLOATS, a[a1 + i]);
      factor2 = FloatVector.broadcast(FLOATS, a[a2 + i]);
      factor3 = FloatVector.broadcast(FLOATS, a[a3 + i]);
      codes = floats(word0.lanewise(VectorOperators.LSHR, top));
      s00 = factor0.fma(codes, s00);
      s10 = factor1.fma(codes, s10);
      s20 = factor2.fma(codes, s20);
      s30 = factor3.fma(codes, s30);
      codes = floats(word1.lanewise(VectorOperators.LSHR, top));
      s01 = factor0.fma(codes, s01);
      s11 = factor1.fma(codes, s11);
      s21 = factor2.fma(codes, s21);
      s31 = factor3.fma(codes, s31);
      i++;
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

  private static IntVector load(long address) {
    return IntVector.fromMemorySegment(INTS, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convert(VectorOperators.I2F, 0);
  }
}
