package io.vquant.kernels.quant;

import io.vquant.kernels.tensor.DType;

/**
 * How much of a matrix in codes a device unpacks to 16 bits at once for a product of many rows: all
 * of it up to 128 MiB, or as many rows as that holds.
 */
public final class UnpackedRange {

  /** Two are kept: one is filled while the other is read. */
  public static final int BUFFERS = 2;

  private static final long MOST_BYTES = 128L << 20;

  /** Rows of a tile of the product. */
  private static final int TILE_ROWS = 256;

  private UnpackedRange() {}

  /** Rows of a matrix {@code [rows, columns]} that are unpacked at once: all, or whole panels. */
  public static int rows(int rows, int columns) {
    long fit = MOST_BYTES / ((long) columns * DType.F16.byteSize());
    return (int) Math.min(rows, Math.max(1, fit / TILE_ROWS) * TILE_ROWS);
  }

  /** Bytes of these rows. */
  public static long byteSize(int rows, int columns) {
    return (long) rows(rows, columns) * columns * DType.F16.byteSize();
  }
}
