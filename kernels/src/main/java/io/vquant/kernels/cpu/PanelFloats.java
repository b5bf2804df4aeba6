package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.PanelLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Codes as F32, for products with many input rows. */
final class PanelFloats {

  private static final long WORDS = (long) PanelLayout.PANEL_ROWS * Integer.BYTES;

  private PanelFloats() {}

  /**
   * Writes words of {@link CodePanel#ROWS} weight rows as {@link CodePanel#four} sees their codes:
   * {@code 16^n} times the code, and the top code itself.
   *
   * @param floats receives {@code [words, 8 codes, ROWS]}
   * @param codes first word of these rows
   */
  static void unpackWords(long floats, long codes, int words) {
    long to = floats;
    long end = codes + words * WORDS;
    for (long at = codes; at != end; at += WORDS) {
      IntVector word0 = load(at);
      IntVector word1 = load(at + BYTES);
      IntVector word2 = load(at + 2L * BYTES);
      IntVector word3 = load(at + 3L * BYTES);
      for (int shift = 0; shift != CodePanel.TOP; shift += 4) {
        IntVector place = IntVector.broadcast(INTS, 0xf << shift);
        store(floats(word0.and(place)), to);
        store(floats(word1.and(place)), to + BYTES);
        store(floats(word2.and(place)), to + 2L * BYTES);
        store(floats(word3.and(place)), to + 3L * BYTES);
        to += PanelTile.STRIDE;
      }
      store(floats(top(word0)), to);
      store(floats(top(word1)), to + BYTES);
      store(floats(top(word2)), to + 2L * BYTES);
      store(floats(top(word3)), to + 3L * BYTES);
      to += PanelTile.STRIDE;
    }
  }

  /**
   * The same for codes of 8 bits.
   *
   * @param columns as many as are to be written
   */
  static void unpackBytes(long floats, long codes, int columns) {
    long to = floats;
    long end = codes + (long) columns * PanelLayout.PANEL_ROWS;
    for (long at = codes; at != end; at += PanelLayout.PANEL_ROWS) {
      store(CodePanel.bytes(at), to);
      store(CodePanel.bytes(at + LANES), to + BYTES);
      store(CodePanel.bytes(at + 2L * LANES), to + 2L * BYTES);
      store(CodePanel.bytes(at + 3L * LANES), to + 3L * BYTES);
      to += 4L * BYTES;
    }
  }

  private static IntVector top(IntVector words) {
    return words.lanewise(VectorOperators.LSHR, CodePanel.TOP);
  }

  private static IntVector load(long address) {
    return IntVector.fromMemorySegment(INTS, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convert(VectorOperators.I2F, 0);
  }
}
