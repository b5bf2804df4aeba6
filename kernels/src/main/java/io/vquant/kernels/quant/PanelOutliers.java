package io.vquant.kernels.quant;

import static io.vquant.kernels.quant.PanelLayout.PANEL_ROWS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** The outliers of one panel as they are found: where, and the weight itself. */
final class PanelOutliers {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /** Place in the upper half, bits of the weight in the lower: sorting sorts by place. */
  private long[] entries = new long[0];

  private int count;

  /**
   * Takes the outliers of one group out of a block; the mean of the others (summed in double, in
   * order; 0 if there are none) takes their place.
   *
   * @param block F32 {@code [columns][64]}
   */
  void takeFrom(MemorySegment block, int row, int firstColumn, int columns, WeightSpread spread) {
    double sum = 0;
    int others = 0;
    for (int c = firstColumn; c < firstColumn + columns; c++) {
      float weight = block.get(FLOAT, offset(row, c));
      if (!spread.isOutlier(weight)) {
        sum += weight;
        others++;
      }
    }
    if (others == columns) {
      return;
    }
    float mean = others == 0 ? 0 : (float) (sum / others);
    for (int c = firstColumn; c < firstColumn + columns; c++) {
      float weight = block.get(FLOAT, offset(row, c));
      if (spread.isOutlier(weight)) {
        add(c * PANEL_ROWS + row, weight);
        block.set(FLOAT, offset(row, c), mean);
      }
    }
  }

  private static long offset(int row, int column) {
    return ((long) column * PANEL_ROWS + row) * Float.BYTES;
  }

  private void add(int place, float weight) {
    if (count == entries.length) {
      entries = Arrays.copyOf(entries, Math.max(16, 2 * count));
    }
    entries[count++] =
        ((long) place << Integer.SIZE) | Integer.toUnsignedLong(Float.floatToRawIntBits(weight));
  }

  /** The list of all panels, against what their codes stand for. */
  static Outliers join(PanelOutliers[] panels, QuantizedWeight coded) {
    int[] starts = new int[panels.length + 1];
    for (int p = 0; p < panels.length; p++) {
      starts[p + 1] = Math.addExact(starts[p], panels[p].count);
      Arrays.sort(panels[p].entries, 0, panels[p].count);
    }
    int[] places = new int[starts[panels.length]];
    float[] differences = new float[places.length];
    for (int p = 0; p < panels.length; p++) {
      for (int i = 0; i < panels[p].count; i++) {
        long entry = panels[p].entries[i];
        int place = (int) (entry >>> Integer.SIZE);
        float weight = Float.intBitsToFloat((int) entry);
        int row = p * PANEL_ROWS + place % PANEL_ROWS;
        places[starts[p] + i] = place;
        differences[starts[p] + i] = weight - coded.codeValue(row, place / PANEL_ROWS);
      }
    }
    return new Outliers(starts, places, differences);
  }
}
