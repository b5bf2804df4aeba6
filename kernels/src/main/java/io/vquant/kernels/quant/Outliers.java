package io.vquant.kernels.quant;

/**
 * The weights that a quantized matrix keeps exact, as a sparse list of what their codes leave out:
 * panel p has entries {@code starts[p]} to {@code starts[p + 1] - 1}, ordered by column, then row.
 * {@code difference} is the weight minus its dequantized code, in float32; added to that it gives
 * the weight.
 */
public final class Outliers {

  /** Bytes of an entry: place and difference. */
  public static final int ENTRY_BYTES = Integer.BYTES + Float.BYTES;

  private final int[] starts;
  private final int[] places;
  private final float[] differences;

  /**
   * A list; the arrays are not copied and must not change.
   *
   * @param starts {@code panels + 1} of them, from 0 on, never falling
   * @param places column times 64, plus the row in its panel
   * @param differences one for each place
   */
  public Outliers(int[] starts, int[] places, float[] differences) {
    this.starts = starts;
    this.places = places;
    this.differences = differences;
  }

  /** Where each panel's entries start, and the end of the last; not to be changed. */
  public int[] starts() {
    return starts;
  }

  /** Column times 64, plus the row in its panel; not to be changed. */
  public int[] places() {
    return places;
  }

  /** What is to be added to the codes; not to be changed. */
  public float[] differences() {
    return differences;
  }

  /** No outliers in so many panels. */
  public static Outliers none(int panels) {
    return new Outliers(new int[panels + 1], new int[0], new float[0]);
  }

  public int count() {
    return places.length;
  }

  /** Bytes of the list; none for an empty one. */
  public long byteSize() {
    return count() == 0 ? 0 : (long) count() * ENTRY_BYTES + (long) starts.length * Integer.BYTES;
  }

  /**
   * What must hold before a kernel trusts the list.
   *
   * @throws IllegalArgumentException naming what does not
   */
  void require(PanelLayout layout) {
    int panels = layout.panels();
    if (starts.length != panels + 1
        || starts[0] != 0
        || starts[panels] != places.length
        || differences.length != places.length) {
      throw new IllegalArgumentException(
          "outliers: expected a start for each of %d panels and as many places as differences"
              .formatted(panels));
    }
    for (int p = 0; p < panels; p++) {
      if (starts[p] > starts[p + 1]) {
        throw new IllegalArgumentException("outliers of panel " + p + ": start after the next's");
      }
      for (int i = starts[p]; i < starts[p + 1]; i++) {
        int column = places[i] / PanelLayout.PANEL_ROWS;
        int row = p * PanelLayout.PANEL_ROWS + places[i] % PanelLayout.PANEL_ROWS;
        boolean falls = i > starts[p] && places[i] <= places[i - 1];
        if (places[i] < 0 || column >= layout.columns() || row >= layout.rows() || falls) {
          throw new IllegalArgumentException(
              "outlier %d: row %d, column %d; expected rising places in [%d, %d]"
                  .formatted(i, row, column, layout.rows(), layout.columns()));
        }
      }
    }
  }
}
