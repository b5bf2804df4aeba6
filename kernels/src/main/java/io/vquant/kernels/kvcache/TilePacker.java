package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/**
 * Packs 16-bit tiles into pages. Every implementation gives the bits of {@link ScalarTilePacker}.
 */
public interface TilePacker {

  /**
   * Packs all heads of each tile into the page of the same index.
   *
   * @param layout of the pages
   * @param pages overwritten
   * @param tiles BF16 in {@link PageLayout}
   * @param lines the line mask of head h of page i at {@code i * numKvHeads + h}
   */
  void pack(KvPageLayout layout, MemorySegment[] pages, MemorySegment[] tiles, long[] lines);
}
