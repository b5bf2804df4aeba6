package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.PanelLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products of one input row with four vectors of weight rows in codes ({@link PanelLayout}), a lane
 * a weight row. Each group of columns is one chain of fma from zero over input and code, to which
 * {@link PanelGrids} applies scales and zeros. {@link PanelTile} gives the same bits for many input
 * rows.
 *
 * <p>Code n of a word is not shifted down: {@code word & (mask << bits n)} becomes a float as it
 * stands, {@code 2^(bits n)} times the code, exactly, and {@link PanelInput} has divided the input
 * by that power. Only the top code, which would come out negative, is shifted.
 */
final class CodePanel {

  /** Weight rows of one call. */
  static final int ROWS = 4 * LANES;

  /** Bytes of one word of all rows of a panel. */
  private static final long WORDS = (long) PanelLayout.PANEL_ROWS * Integer.BYTES;

  private static final long CHAINS = (long) ROWS * Float.BYTES;

  /** Codes of a word but the top one, by bits a code. */
  private static final int[][] MASKS = new int[Byte.SIZE + 1][];

  static {
    MASKS[4] = new int[] {0xf, 0xf0, 0xf00, 0xf000, 0xf0000, 0xf00000, 0xf000000};
    MASKS[8] = new int[] {0xff, 0xff00, 0xff0000};
  }

  private CodePanel() {}

  /** The places of a word's codes but the top one. */
  static int[] masks(int bits) {
    return MASKS[bits];
  }

  /**
   * The chains of {@link #ROWS} weight rows, group by group.
   *
   * @param chains receives {@code [groups, ROWS]}
   * @param codes first word of the rows
   * @param x the input row, divided
   * @param x0 its first element
   * @param groups of columns
   * @param strips of a group
   * @param bits of a code: 8 or 4
   */
  static void multiply(
      long chains, long codes, float[] x, int x0, int groups, int strips, int bits) {
    int[] masks = MASKS[bits];
    int top = Integer.SIZE - bits;
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
        long end = at + bits * WORDS;
        for (int n = 0; n != masks.length; n++) {
          IntVector place = IntVector.broadcast(INTS, masks[n]);
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
          chain0 = factor.fma(floats(top(load(at), top)), chain0);
          chain1 = factor.fma(floats(top(load(at + BYTES), top)), chain1);
          chain2 = factor.fma(floats(top(load(at + 2L * BYTES), top)), chain2);
          chain3 = factor.fma(floats(top(load(at + 3L * BYTES), top)), chain3);
        }
      }
      store(chain0, to);
      store(chain1, to + BYTES);
      store(chain2, to + 2L * BYTES);
      store(chain3, to + 3L * BYTES);
    }
  }

  private static IntVector top(IntVector words, int shift) {
    return words.lanewise(VectorOperators.LSHR, shift);
  }

  private static IntVector load(long address) {
    return IntVector.fromMemorySegment(INTS, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convert(VectorOperators.I2F, 0);
  }
}
