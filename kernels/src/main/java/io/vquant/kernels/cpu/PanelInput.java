package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;

import io.vquant.kernels.quant.PanelLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** Input rows as products with codes take them: divided by the places of the codes, and summed. */
final class PanelInput {

  private PanelInput() {}

  /**
   * What the elements of a strip are multiplied by: {@code 16^-n} where the code of 4 bits is the
   * n-th of its word, 1 for the top code; 1 for all where codes have 8 bits.
   */
  static float[] powers(int bits) {
    float[] powers = new float[PanelLayout.STRIP];
    Arrays.fill(powers, 1f);
    if (bits == 4) {
      for (int n = 0; n < CodePanel.MASKS.length; n++) {
        int first = n * PanelLayout.STRIP_WORDS;
        Arrays.fill(powers, first, first + PanelLayout.STRIP_WORDS, Math.scalb(1f, -4 * n));
      }
    }
    return powers;
  }

  /** Writes a row at {@code x[to ...]}, divided; whole strips. Exact unless subnormal. */
  static void divide(float[] x, int to, long row, int columns, float[] powers) {
    for (int i = 0; i < columns; i += LANES) {
      FloatVector factors = FloatVector.fromArray(FLOATS, powers, i % PanelLayout.STRIP);
      Simd.load(row + 4L * i).mul(factors).intoArray(x, to + i);
    }
  }

  /** Writes the sums of a row's groups: four chains each, every fourth element, added crosswise. */
  static void sumGroups(float[] sums, int to, long row, int columns, int group) {
    for (int first = 0; first < columns; first += group) {
      float a = 0;
      float b = 0;
      float c = 0;
      float d = 0;
      for (int i = first; i < first + group; i += 4) {
        a += Simd.get(row + 4L * i);
        b += Simd.get(row + 4L * i + 4);
        c += Simd.get(row + 4L * i + 8);
        d += Simd.get(row + 4L * i + 12);
      }
      sums[to + first / group] = (a + c) + (b + d);
    }
  }
}
