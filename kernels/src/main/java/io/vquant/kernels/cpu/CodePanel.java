package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.MEMORY;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;

import io.vquant.kernels.quant.PanelLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of one input row with four vectors of weight rows in codes ({@link PanelLayout}), a lane
 * a weight row. Each group of columns is one chain of fma from zero over input and code; then
 * {@code sum = fma(scale, chain, sum)} and, with zeros, {@code sum = fma(zero, sum of the group's
 * inputs, sum)}. {@link PanelTile} gives the same bits for many input rows.
 *
 * <p>Code n of a word is not shifted down: {@code word & (15 << 4 n)} becomes a float as it stands,
 * {@code 16^n} times the code, exactly, and {@link PanelInput} has divided the input by that power.
 * Only the top code, which would come out negative, is shifted.
 *
 * <p>These methods call nothing but the Vector API: past some fifty vector operations in a method
 * the compiler inlines no method of ours any more, and vectors become objects at each call.
 */
final class CodePanel {

  /** Weight rows of one call. */
  static final int ROWS = 4 * LANES;

  /** Codes of 4 bits in a word. */
  static final int CODES_A_WORD = 8;

  /** How far the top code is shifted. */
  static final int TOP = 28;

  private static final VectorSpecies<Byte> CODES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(LANES * Byte.SIZE));

  private static final VectorSpecies<Short> HALVES =
      VectorSpecies.of(short.class, VectorShape.forBitSize(LANES * Short.SIZE));

  /** Sign and magnitude of a half that was moved up by 13 bits, as {@link CodeFloats#halves}. */
  private static final int MOVED_HALF = 0x8fffe000;

  /** Bytes of one word of all rows of a panel, of one byte code, of their scales or zeros. */
  private static final long WORDS = (long) PanelLayout.PANEL_ROWS * Integer.BYTES;

  private static final long CODE_BYTES = PanelLayout.PANEL_ROWS;
  private static final long GRID = (long) PanelLayout.PANEL_ROWS * Short.BYTES;
  private static final long HALF_VECTOR = BYTES / 2;

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private CodePanel() {}

  /**
   * Adds groups with codes of 4 bits to the sums of {@link #ROWS} weight rows.
   *
   * <p>The input is read at four indices that the compiler cannot tell to go together: each then
   * has a bounds check of its own, and no conversion is moved before it. With one index it makes
   * all 32 first, and keeps most of them in memory.
   *
   * @param sums of so many rows
   * @param codes first word of the rows
   * @param scales FP16 of the rows in the first group
   * @param zeros the same
   * @param x the input row as {@link PanelInput} arranges it, from {@code x0} on
   * @param groupSums of the input row, from {@code g0} on
   * @param groups of columns
   * @param words of a row in a group
   */
  static void four(
      long sums,
      long codes,
      long scales,
      long zeros,
      float[] x,
      int x0,
      float[] groupSums,
      int g0,
      int groups,
      int words) {
    int k0 = x0;
    int k1 = x0 + 2;
    int k2 = x0 + 4;
    int k3 = x0 + 6;
    int g = g0;
    long at = codes;
    long scale = scales;
    long zero = zeros;
    FloatVector sum0 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums, ORDER);
    FloatVector sum1 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER);
    FloatVector sum2 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + 2L * BYTES, ORDER);
    FloatVector sum3 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + 3L * BYTES, ORDER);
    for (long last = scales + groups * GRID; scale != last; scale += GRID) {
      FloatVector chain0 = FloatVector.zero(FLOATS);
      FloatVector chain1 = chain0;
      FloatVector chain2 = chain0;
      FloatVector chain3 = chain0;
      FloatVector factor;
      for (long end = at + words * WORDS; at != end; at += WORDS) {
        IntVector word0 = IntVector.fromMemorySegment(INTS, MEMORY, at, ORDER);
        IntVector word1 = IntVector.fromMemorySegment(INTS, MEMORY, at + BYTES, ORDER);
        IntVector word2 = IntVector.fromMemorySegment(INTS, MEMORY, at + 2L * BYTES, ORDER);
        IntVector word3 = IntVector.fromMemorySegment(INTS, MEMORY, at + 3L * BYTES, ORDER);
        factor = FloatVector.broadcast(FLOATS, x[k0]);
        chain0 = factor.fma((FloatVector) word0.and(0xf).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.and(0xf).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.and(0xf).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.and(0xf).convert(I2F, 0), chain3);
        factor = FloatVector.broadcast(FLOATS, x[k0 + 1]);
        chain0 = factor.fma((FloatVector) word0.and(0xf0).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.and(0xf0).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.and(0xf0).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.and(0xf0).convert(I2F, 0), chain3);
        factor = FloatVector.broadcast(FLOATS, x[k1]);
        chain0 = factor.fma((FloatVector) word0.and(0xf00).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.and(0xf00).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.and(0xf00).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.and(0xf00).convert(I2F, 0), chain3);
        factor = FloatVector.broadcast(FLOATS, x[k1 + 1]);
        chain0 = factor.fma((FloatVector) word0.and(0xf000).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.and(0xf000).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.and(0xf000).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.and(0xf000).convert(I2F, 0), chain3);
        factor = FloatVector.broadcast(FLOATS, x[k2]);
        chain0 = factor.fma((FloatVector) word0.and(0xf0000).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.and(0xf0000).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.and(0xf0000).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.and(0xf0000).convert(I2F, 0), chain3);
        factor = FloatVector.broadcast(FLOATS, x[k2 + 1]);
        chain0 = factor.fma((FloatVector) word0.and(0xf00000).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.and(0xf00000).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.and(0xf00000).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.and(0xf00000).convert(I2F, 0), chain3);
        factor = FloatVector.broadcast(FLOATS, x[k3]);
        chain0 = factor.fma((FloatVector) word0.and(0xf000000).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.and(0xf000000).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.and(0xf000000).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.and(0xf000000).convert(I2F, 0), chain3);
        factor = FloatVector.broadcast(FLOATS, x[k3 + 1]);
        chain0 = factor.fma((FloatVector) word0.lanewise(LSHR, TOP).convert(I2F, 0), chain0);
        chain1 = factor.fma((FloatVector) word1.lanewise(LSHR, TOP).convert(I2F, 0), chain1);
        chain2 = factor.fma((FloatVector) word2.lanewise(LSHR, TOP).convert(I2F, 0), chain2);
        chain3 = factor.fma((FloatVector) word3.lanewise(LSHR, TOP).convert(I2F, 0), chain3);
        k0 += CODES_A_WORD;
        k1 += CODES_A_WORD;
        k2 += CODES_A_WORD;
        k3 += CODES_A_WORD;
      }
      sum0 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain0, sum0);
      sum1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale + HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain1, sum1);
      sum2 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale + 2L * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain2, sum2);
      sum3 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale + 3L * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain3, sum3);
      factor = FloatVector.broadcast(FLOATS, groupSums[g++]);
      sum0 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, zero, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(factor, sum0);
      sum1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, zero + HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(factor, sum1);
      sum2 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, zero + 2L * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(factor, sum2);
      sum3 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, zero + 3L * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(factor, sum3);
      zero += GRID;
    }
    sum0.intoMemorySegment(MEMORY, sums, ORDER);
    sum1.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
    sum2.intoMemorySegment(MEMORY, sums + 2L * BYTES, ORDER);
    sum3.intoMemorySegment(MEMORY, sums + 3L * BYTES, ORDER);
  }

  /**
   * The same with codes of 8 bits, which have no zeros.
   *
   * @param codes first byte of the rows
   * @param x the input row as it is
   * @param columns of a group, a multiple of 2
   */
  static void eight(
      long sums, long codes, long scales, float[] x, int x0, int groups, int columns) {
    int k = x0;
    long at = codes;
    long scale = scales;
    FloatVector sum0 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums, ORDER);
    FloatVector sum1 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER);
    FloatVector sum2 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + 2L * BYTES, ORDER);
    FloatVector sum3 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + 3L * BYTES, ORDER);
    for (long last = scales + groups * GRID; scale != last; scale += GRID) {
      FloatVector chain0 = FloatVector.zero(FLOATS);
      FloatVector chain1 = chain0;
      FloatVector chain2 = chain0;
      FloatVector chain3 = chain0;
      for (int end = k + columns; k != end; k += 2) {
        FloatVector factor = FloatVector.broadcast(FLOATS, x[k]);
        chain0 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain0);
        chain1 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at + LANES, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain1);
        chain2 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at + 2L * LANES, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain2);
        chain3 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at + 3L * LANES, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain3);
        at += CODE_BYTES;
        factor = FloatVector.broadcast(FLOATS, x[k + 1]);
        chain0 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain0);
        chain1 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at + LANES, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain1);
        chain2 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at + 2L * LANES, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain2);
        chain3 =
            factor.fma(
                (FloatVector)
                    ByteVector.fromMemorySegment(CODES, MEMORY, at + 3L * LANES, ORDER)
                        .convertShape(B2F, FLOATS, 0),
                chain3);
        at += CODE_BYTES;
      }
      sum0 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain0, sum0);
      sum1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale + HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain1, sum1);
      sum2 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale + 2L * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain2, sum2);
      sum3 =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALVES, MEMORY, scale + 3L * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(0x1p112f)
              .fma(chain3, sum3);
    }
    sum0.intoMemorySegment(MEMORY, sums, ORDER);
    sum1.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
    sum2.intoMemorySegment(MEMORY, sums + 2L * BYTES, ORDER);
    sum3.intoMemorySegment(MEMORY, sums + 3L * BYTES, ORDER);
  }

  /** As many signed bytes as a vector has lanes, as floats. */
  static FloatVector bytes(long address) {
    ByteVector codes = ByteVector.fromMemorySegment(CODES, MEMORY, address, ORDER);
    return (FloatVector) codes.convertShape(B2F, FLOATS, 0);
  }
}
