package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.PanelLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
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
 * <p>A method whose vector operations are more than about fifty is not compiled as one piece: the
 * loops are as short as that asks for, and scales and zeros wait until the chains are in memory.
 */
final class CodePanel {

  private static final VectorSpecies<Byte> CODES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(LANES * Byte.SIZE));

  /** Weight rows of one call. */
  static final int ROWS = 4 * LANES;

  /** The codes of a word but the top one. */
  static final int[] MASKS = {0xf, 0xf0, 0xf00, 0xf000, 0xf0000, 0xf00000, 0xf000000};

  /** How far the top code is shifted. */
  static final int TOP = 28;

  /** Bytes of one word of all rows of a panel. */
  private static final long WORDS = (long) PanelLayout.PANEL_ROWS * Integer.BYTES;

  private static final long STRIP_BYTES = PanelLayout.STRIP_WORDS * WORDS;
  private static final long CHAINS = (long) ROWS * Float.BYTES;

  private CodePanel() {}

  /**
   * The chains of {@link #ROWS} weight rows with codes of 4 bits, group by group.
   *
   * @param chains receives {@code [groups, ROWS]}
   * @param codes first word of the rows
   * @param x the input row, divided
   * @param x0 its first element
   * @param groups of columns
   * @param strips of a group
   */
  static void four(long chains, long codes, float[] x, int x0, int groups, int strips) {
    int k = x0;
    long at = codes;
    long last = chains + groups * CHAINS;
    for (long to = chains; to != last; to += CHAINS) {
      FloatVector chain0 = FloatVector.zero(FLOATS);
      FloatVector chain1 = chain0;
      FloatVector chain2 = chain0;
      FloatVector chain3 = chain0;
      FloatVector factor;
      for (int strip = 0; strip != strips; strip++) {
        long end = at + STRIP_BYTES;
        for (int mask : MASKS) {
          IntVector place = IntVector.broadcast(INTS, mask);
          for (long word = at; word != end; word += WORDS) {
            factor = FloatVector.broadcast(FLOATS, x[k++]);
            chain0 = factor.fma(floats(load(word).and(place)), chain0);
            chain1 = factor.fma(floats(load(word + BYTES).and(place)), chain1);
            chain2 = factor.fma(floats(load(word + 2L * BYTES).and(place)), chain2);
            chain3 = factor.fma(floats(load(word + 3L * BYTES).and(place)), chain3);
          }
        }
        for (; at != end; at += WORDS) {
          factor = FloatVector.broadcast(FLOATS, x[k++]);
          chain0 = factor.fma(floats(top(load(at))), chain0);
          chain1 = factor.fma(floats(top(load(at + BYTES))), chain1);
          chain2 = factor.fma(floats(top(load(at + 2L * BYTES))), chain2);
          chain3 = factor.fma(floats(top(load(at + 3L * BYTES))), chain3);
        }
      }
      store(chain0, to);
      store(chain1, to + BYTES);
      store(chain2, to + 2L * BYTES);
      store(chain3, to + 3L * BYTES);
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
        chain0 = factor.fma(bytes(at), chain0);
        chain1 = factor.fma(bytes(at + LANES), chain1);
        chain2 = factor.fma(bytes(at + 2L * LANES), chain2);
        chain3 = factor.fma(bytes(at + 3L * LANES), chain3);
        at += PanelLayout.PANEL_ROWS;
        factor = FloatVector.broadcast(FLOATS, x[k + 1]);
        chain0 = factor.fma(bytes(at), chain0);
        chain1 = factor.fma(bytes(at + LANES), chain1);
        chain2 = factor.fma(bytes(at + 2L * LANES), chain2);
        chain3 = factor.fma(bytes(at + 3L * LANES), chain3);
        at += PanelLayout.PANEL_ROWS;
      }
      store(chain0, to);
      store(chain1, to + BYTES);
      store(chain2, to + 2L * BYTES);
      store(chain3, to + 3L * BYTES);
    }
  }

  /** As many signed bytes as a vector has lanes, as floats. */
  static FloatVector bytes(long address) {
    ByteVector codes =
        ByteVector.fromMemorySegment(CODES, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
    return (FloatVector) codes.convertShape(VectorOperators.B2F, FLOATS, 0);
  }

  private static IntVector top(IntVector words) {
    return words.lanewise(VectorOperators.LSHR, TOP);
  }

  private static IntVector load(long address) {
    return IntVector.fromMemorySegment(INTS, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convert(VectorOperators.I2F, 0);
  }
}
