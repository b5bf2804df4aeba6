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
   * Writes one strip of {@link CodePanel#ROWS} weight rows as {@link CodePanel#four} sees it:
   * {@code 16^n} times the code, and the top code itself; word after word.
   *
   * @param floats receives {@code [4 words, 8 codes, ROWS]}
   * @param codes first word of the strip for these rows
   */
  static void unpackWords(long floats, long codes) {
    long end = codes + PanelLayout.STRIP_WORDS * WORDS;
    long first = floats;
    for (int shift = 0; shift != CodePanel.TOP; shift += 4) {
      IntVector place = IntVector.broadcast(INTS, 0xf << shift);
      long to = first;
      for (long at = codes; at != end; at += WORDS) {
        store(floats(load(at).and(place)), to);
        store(floats(load(at + BYTES).and(place)), to + BYTES);
        store(floats(load(at + 2L * BYTES).and(place)), to + 2L * BYTES);
        store(floats(load(at + 3L * BYTES).and(place)), to + 3L * BYTES);
        to += CodePanel.CODES_A_WORD * PanelTile.STRIDE;
      }
      first += PanelTile.STRIDE;
    }
    for (long at = codes; at != end; at += WORDS) {
      store(floats(top(load(at))), first);
      store(floats(top(load(at + BYTES))), first + BYTES);
      store(floats(top(load(at + 2L * BYTES))), first + 2L * BYTES);
      store(floats(top(load(at + 3L * BYTES))), first + 3L * BYTES);
      first += CodePanel.CODES_A_WORD * PanelTile.STRIDE;
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
