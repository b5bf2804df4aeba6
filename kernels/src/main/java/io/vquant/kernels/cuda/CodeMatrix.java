package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.quant.PanelLayout;

/**
 * A weight in codes as kernels see it: addresses on the device. Codes and grids are the bytes of
 * {@link io.vquant.kernels.quant.QuantizedWeight}; outliers are listed by row.
 *
 * @param zeros 0 with 8 bits
 * @param outlierStarts I32 {@code [rows + 1]}; 0 where there are no outliers
 * @param outlierColumns I32, rising in each row
 * @param outlierDifferences F32
 */
record CodeMatrix(
    PanelLayout layout,
    long codes,
    long scales,
    long zeros,
    long outlierStarts,
    long outlierColumns,
    long outlierDifferences) {

  int rows() {
    return layout.rows();
  }

  int columns() {
    return layout.columns();
  }

  boolean hasOutliers() {
    return outlierStarts != 0;
  }

  /** Gives a kernel the six addresses. */
  void addTo(KernelCall call) {
    call.int64(codes).int64(scales).int64(zeros);
    call.int64(outlierStarts).int64(outlierColumns).int64(outlierDifferences);
  }

  /** Rows from {@code first} on, which begins a panel. */
  CodeMatrix range(int first, int count) {
    int panel = first / PanelLayout.PANEL_ROWS;
    long grids = panel * layout.panelScaleBytes();
    return new CodeMatrix(
        new PanelLayout(layout.scheme(), count, layout.columns()),
        codes + panel * layout.panelCodeBytes(),
        scales + grids,
        zeros == 0 ? 0 : zeros + grids,
        hasOutliers() ? outlierStarts + (long) first * Integer.BYTES : 0,
        outlierColumns,
        outlierDifferences);
  }
}
