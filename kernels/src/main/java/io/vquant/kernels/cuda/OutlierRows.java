package io.vquant.kernels.cuda;

import static io.vquant.kernels.quant.PanelLayout.PANEL_ROWS;

import io.vquant.kernels.quant.Outliers;

/** A list of outliers in the order of rows, each row's in the order of columns. */
final class OutlierRows {
  private final int[] starts;
  private final int[] columns;
  private final float[] differences;

  /** Sorts a list of a matrix of so many rows. */
  OutlierRows(Outliers list, int rows) {
    starts = new int[rows + 1];
    columns = new int[list.count()];
    differences = new float[list.count()];
    int panels = list.starts().length - 1;
    for (int panel = 0; panel < panels; panel++) {
      for (int i = list.starts()[panel]; i < list.starts()[panel + 1]; i++) {
        starts[row(list, panel, i) + 1]++;
      }
    }
    for (int row = 0; row < rows; row++) {
      starts[row + 1] += starts[row];
    }
    int[] next = starts.clone();
    for (int panel = 0; panel < panels; panel++) {
      for (int i = list.starts()[panel]; i < list.starts()[panel + 1]; i++) {
        int at = next[row(list, panel, i)]++;
        columns[at] = list.places()[i] / PANEL_ROWS;
        differences[at] = list.differences()[i];
      }
    }
  }

  private static int row(Outliers list, int panel, int entry) {
    return panel * PANEL_ROWS + list.places()[entry] % PANEL_ROWS;
  }

  /** Where each row's entries start, and the end of the last; not to be changed. */
  int[] starts() {
    return starts;
  }

  /** Column of each; not to be changed. */
  int[] columns() {
    return columns;
  }

  /** What each adds to what its code stands for; not to be changed. */
  float[] differences() {
    return differences;
  }
}
