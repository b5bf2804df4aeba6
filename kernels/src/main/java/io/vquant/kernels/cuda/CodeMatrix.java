package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.quant.CodeBits;
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
  private static final int PIECE_BYTES = 2 * Short.BYTES;
  private static final int GRID_BYTES = 8;
  private static final int WARPS = 16;
  private static final int TILE_ROWS = 32;
  private static final int STRIP_COLUMNS = 32;
  private static final int STAGES = 3;
  private static final int FEW_STAGES = 2;

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
  public int threadsABlock() {
    return 544;
  }

  @Override
  public int pairsATile() {
    return 16;
  }

  /** 16 rows that lie together are read as one. */
  @Override
  public int pairAlignment() {
    return 16;
  }

  /**
   * Two pieces of each column, scale and sum of each group, and for each warp a ring of stages, as
   * in {@code gemv_codes.cu}.
   */
  @Override
  public int sharedByteSize(int limit) {
    return inputByteSize() + (hasRoom(limit) ? manyStages() : FEW_STAGES * stageByteSize(1));
  }

  private boolean hasRoom(int limit) {
    return inputByteSize() + manyStages() <= limit;
  }

  private int manyStages() {
    int strips = layout.scheme().bits() == CodeBits.FOUR ? 4 : 2;
    return STAGES * stageByteSize(strips * STRIP_COLUMNS / layout.scheme().group());
  }

  private int inputByteSize() {
    return PIECE_BYTES * columns() + GRID_BYTES * (columns() / layout.scheme().group());
  }

  /** Of all warps. */
  private int stageByteSize(int groups) {
    boolean four = layout.scheme().bits() == CodeBits.FOUR;
    int strip = TILE_ROWS * STRIP_COLUMNS / (four ? 2 : 1);
    int strips = layout.scheme().group() / STRIP_COLUMNS;
    return WARPS * groups * (strips * strip + (four ? 2 : 1) * TILE_ROWS * Short.BYTES);
  }

  /** What is under way waits in shared memory. */
  @Override
  public int sharedPercent() {
    return 100;
  }

  @Override
  public void addSharedTo(KernelCall call, int limit) {
    call.int32(hasRoom(limit) ? 1 : 0);
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
