package io.vquant.kernels.tensor;

/**
 * How a matrix lies in its storage, in elements: element (r, c) is at {@code offset + r * rowStride
 * + c}. Vectors are matrices of one row. Everything the engine computes is a matrix: tokens by
 * features, or features by features; heads are ranges of columns.
 *
 * @param offset first element
 * @param rows number of rows
 * @param columns number of columns, contiguous
 * @param rowStride distance of two rows, at least {@code columns}
 */
public record Layout(long offset, int rows, int columns, long rowStride) {

  public Layout {
    if (offset < 0 || rows < 0 || columns < 0 || rowStride < columns) {
      throw new IllegalArgumentException(
          "layout offset "
              + offset
              + ", ["
              + rows
              + ", "
              + columns
              + "], row stride "
              + rowStride
              + ": sizes must not be negative and the stride not below the columns");
    }
  }

  /** A dense matrix from element 0 on. */
  public static Layout dense(int rows, int columns) {
    return new Layout(0, rows, columns, columns);
  }

  public boolean isContiguous() {
    return rowStride == columns || rows <= 1;
  }

  /** Elements from the start of the storage to the end of the last row. */
  public long extent() {
    if (rows == 0) {
      return offset;
    }
    long lastRow = Math.multiplyExact(rows - 1L, rowStride);
    return Math.addExact(Math.addExact(offset, lastRow), columns);
  }
}
