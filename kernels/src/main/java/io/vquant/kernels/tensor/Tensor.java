package io.vquant.kernels.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A typed matrix view of a storage: {@code [rows, columns]}.
 *
 * @param storage the memory
 * @param dtype element type
 * @param layout where the elements lie
 */
public record Tensor(Storage storage, DType dtype, Layout layout) {

  public Tensor {
    long needed = Math.multiplyExact(layout.extent(), (long) dtype.byteSize());
    if (needed > storage.byteSize()) {
      throw new IllegalArgumentException(
          dtype
              + " "
              + layout
              + " needs "
              + needed
              + " bytes, the storage has "
              + storage.byteSize());
    }
  }

  public int rows() {
    return layout.rows();
  }

  public int columns() {
    return layout.columns();
  }

  /** Rows {@code first} to {@code first + count - 1} of this view. */
  public Tensor rows(int first, int count) {
    if (first < 0 || count < 0 || first > rows() - count) {
      throw new IllegalArgumentException("rows " + first + " + " + count + " of " + rows());
    }
    long offset = layout.offset() + first * layout.rowStride();
    return new Tensor(storage, dtype, new Layout(offset, count, columns(), layout.rowStride()));
  }

  /**
   * The same elements as {@code [rows, columns]}; this view must be contiguous and of equal size.
   */
  public Tensor reshape(int rows, int columns) {
    if (!layout.isContiguous() || (long) rows * columns != (long) rows() * columns()) {
      throw new IllegalArgumentException(
          "cannot view " + layout + " as [" + rows + ", " + columns + "]");
    }
    return new Tensor(storage, dtype, new Layout(layout.offset(), rows, columns, columns));
  }

  /** The host memory behind this view, from the storage's start. Fails for a device's memory. */
  public MemorySegment segment() {
    if (storage instanceof HostStorage host) {
      return host.segment();
    }
    throw new IllegalStateException("tensor on " + storage.device() + " has no host memory");
  }

  /** Byte offset of a row in {@link #segment()}. */
  public long rowByteOffset(int row) {
    return (layout.offset() + row * layout.rowStride()) * dtype.byteSize();
  }
}
