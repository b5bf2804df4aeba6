package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/** The check that every codec makes before it touches memory. */
public final class PageBounds {
  private PageBounds() {}

  /**
   * Refuses what does not fit: {@code byteSize} bytes from {@code byteOffset} on must lie in the
   * page, which must be native, and the rows must have {@code headDim} channels.
   */
  public static void require(
      MemorySegment page, long byteOffset, long byteSize, HeadRows rows, int headDim) {
    if (!page.isNative() || byteOffset < 0 || byteOffset > page.byteSize() - byteSize) {
      throw new IllegalArgumentException(
          "page of "
              + page.byteSize()
              + " bytes, offset "
              + byteOffset
              + ": expected native memory with "
              + byteSize
              + " bytes from there on");
    }
    if (rows.headDim() != headDim) {
      throw new IllegalArgumentException(
          "rows of " + rows.headDim() + " channels: expected " + headDim);
    }
  }
}
