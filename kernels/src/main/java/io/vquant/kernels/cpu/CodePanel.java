package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.MEMORY;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import io.vquant.kernels.quant.PanelLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of one input row with four vectors of weight rows in codes ({@link PanelLayout}), a lane
 * a weight row. Each group of columns is one chain of fma from zero over input and code, to which
 * {@link PanelGrids} applies scales and zeros. {@link PanelTile} gives the same bits for many input
 * rows.
 *
 * <p>Code n of a word is not shifted down: {@code word & (15 << 4 n)} becomes a float as it stands,
 * {@code 16^n} times the code, exactly, and {@link PanelInput} has divided the input by that power.
 * Only the top code, which would come out negative, is shifted.
 *
 * <p>The loops call nothing but the Vector API: past some fifty vector operations in a method the
 * compiler inlines no method of ours any more, and vectors become objects at each call. With scales
 * and zeros in the same method it leaves vectors as objects now and then, so those wait until the
 * chains are in memory.
 */
final class CodePanel {

  private static final VectorSpecies<Byte> CODES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(LANES * Byte.SIZE));

  /** Weight rows of one call. */
  static final int ROWS = 4 * LANES;

  /** Codes of 4 bits in a word. */
  static final int CODES_A_WORD = 8;

  /** How far the top code is shifted. */
  static final int TOP = 28;

  /** Bytes of one word of all rows of a panel. */
  private static final long WORDS = (long) PanelLayout.PANEL_ROWS * Integer.BYTES;

  private static final long CHAINS = (long) ROWS * Float.BYTES;

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private CodePanel() {}

  /**
   * The chains of {@link #ROWS} weight rows with codes of 4 bits, group by group.
   *
   * <p>The input is read at four indices that the compiler cannot tell to go together: each then
   * has a bounds check of its own, and none of the conversions is moved before it. With one index
   * it makes all 32 first, and keeps most of them in memory.
   *
   * @param chains receives {@code [groups, ROWS]}
   * @param codes first word of the rows
   * @param x the input row as {@link PanelInput} arranges it
   * @param x0 its first element
   * @param groups of columns
   * @param words of a row in a group
   */
  static void four(long chains, long codes, float[] x, int x0, int groups, int words) {
    int k0 = x0;
    int k1 = x0 + 2;
    int k2 = x0 + 4;
    int k3 = x0 + 6;
    long at = codes;
    long last = chains + groups * CHAINS;
    for (long to = chains; to != last; to += CHAINS) {
      FloatVector chain0 = FloatVector.zero(FLOATS);
      FloatVector chain1 = chain0;
      FloatVector chain2 = chain0;
      FloatVector chain3 = chain0;
      for (long end = at + words * WORDS; at != end; at += WORDS) {
        IntVector word0 = IntVector.fromMemorySegment(INTS, MEMORY, at, ORDER);
        IntVector word1 = IntVector.fromMemorySegment(INTS, MEMORY, at + BYTES, ORDER);
        IntVector word2 = IntVector.fromMemorySegment(INTS, MEMORY, at + 2L * BYTES, ORDER);
        IntVector word3 = IntVector.fromMemorySegment(INTS, MEMORY, at + 3L * BYTES, ORDER);
        FloatVector factor = FloatVector.broadcast(FLOATS, x[k0]);
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
      chain0.intoMemorySegment(MEMORY, to, ORDER);
      chain1.intoMemorySegment(MEMORY, to + BYTES, ORDER);
      chain2.intoMemorySegment(MEMORY, to + 2L * BYTES, ORDER);
      chain3.intoMemorySegment(MEMORY, to + 3L * BYTES, ORDER);
    }
  }

  /**
   * The same with codes of 8 bits.
   *
   * @param codes first byte of the rows
   * @param x the input row as it is
   * @param columns of a group, a multiple of 2
   */
  static void eight(long chains, long codes, float[] x, int x0, int groups, int columns) {
    int k = x0;
    long at = codes;
    long last = chains + groups * CHAINS;
    for (long to = chains; to != last; to += CHAINS) {
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
        at += PanelLayout.PANEL_ROWS;
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
        at += PanelLayout.PANEL_ROWS;
      }
      chain0.intoMemorySegment(MEMORY, to, ORDER);
      chain1.intoMemorySegment(MEMORY, to + BYTES, ORDER);
      chain2.intoMemorySegment(MEMORY, to + 2L * BYTES, ORDER);
      chain3.intoMemorySegment(MEMORY, to + 3L * BYTES, ORDER);
    }
  }

  /** As many signed bytes as a vector has lanes, as floats. */
  static FloatVector bytes(long address) {
    ByteVector codes = ByteVector.fromMemorySegment(CODES, MEMORY, address, ORDER);
    return (FloatVector) codes.convertShape(B2F, FLOATS, 0);
  }
}
