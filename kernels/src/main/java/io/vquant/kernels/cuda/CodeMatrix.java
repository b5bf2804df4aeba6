package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
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
    long outlierDifferences)
    implements RowWeight {
  private static final int PIECE_BYTES = 3 * Short.BYTES;
  private static final int GRID_BYTES = 8;

  private record Kind(int bits, int group) {}

  @Override
  public int rows() {
    return layout.rows();
  }

  @Override
  public int columns() {
    return layout.columns();
  }

  boolean hasOutliers() {
    return outlierStarts != 0;
  }

  /** What is kept as outliers may differ. */
  @Override
  public Object kind() {
    return new Kind(layout.scheme().bits().bits(), layout.scheme().group());
  }

  @Override
  public CudaFunction function(CudaRuntime runtime, boolean gated) {
    return runtime.function(gated ? Kernel.GEMV_CODES_GATED : Kernel.GEMV_CODES, layout.scheme());
  }

  @Override
  public int pairsATile() {
    return 16;
  }

  /** Lanes read codes of four rows. */
  @Override
  public int pairAlignment() {
    return 4;
  }

  /** Three pieces of each column, scale and sum of each group, as in {@code gemv_codes.cu}. */
  @Override
  public int sharedByteSize() {
    return PIECE_BYTES * columns() + GRID_BYTES * (columns() / layout.scheme().group());
  }

  /** Gives a kernel the six addresses. */
  @Override
  public void addTo(KernelCall call) {
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
