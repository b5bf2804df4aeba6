package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantizedWeight;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Codes and their grids as F32, for products with them. */
final class PanelFloats {

  private static final long WORDS = (long) PanelLayout.PANEL_ROWS * Integer.BYTES;

  private PanelFloats() {}

  /**
   * Writes one strip of {@link CodePanel#ROWS} weight rows as {@link CodePanel} sees it: {@code
   * 2^(bits n)} times the code, and the top code itself.
   *
   * @param floats receives {@code [32, ROWS]}
   * @param codes first word of the strip for these rows
   */
  static void unpack(long floats, long codes, int bits) {
    int[] masks = CodePanel.masks(bits);
    long end = codes + bits * WORDS;
    long to = floats;
    for (int n = 0; n != masks.length; n++) {
      IntVector place = IntVector.broadcast(INTS, masks[n]);
      for (long at = codes; at != end; at += WORDS) {
        store(floats(load(at).and(place)), to);
        store(floats(load(at + BYTES).and(place)), to + BYTES);
        store(floats(load(at + 2L * BYTES).and(place)), to + 2L * BYTES);
        store(floats(load(at + 3L * BYTES).and(place)), to + 3L * BYTES);
        to += 4L * BYTES;
      }
    }
    int top = Integer.SIZE - bits;
    for (long at = codes; at != end; at += WORDS) {
      store(floats(load(at).lanewise(VectorOperators.LSHR, top)), to);
      store(floats(load(at + BYTES).lanewise(VectorOperators.LSHR, top)), to + BYTES);
      store(floats(load(at + 2L * BYTES).lanewise(VectorOperators.LSHR, top)), to + 2L * BYTES);
      store(floats(load(at + 3L * BYTES).lanewise(VectorOperators.LSHR, top)), to + 3L * BYTES);
      to += 4L * BYTES;
    }
  }

  /** The zeros of symmetric codes; {@code count} a multiple of 16. */
  static void symmetricZeros(long zeros, long scales, int count) {
    for (long at = 0; at != 4L * count; at += BYTES) {
      store(Simd.load(scales + at).mul(-QuantizedWeight.SYMMETRIC_ZERO), zeros + at);
    }
  }

  private static IntVector load(long address) {
    return IntVector.fromMemorySegment(INTS, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convert(VectorOperators.I2F, 0);
  }
}
