package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/**
 * Transforms 16-bit tiles and packs them into pages. Every implementation gives the bits of {@link
 * ScalarTilePacker}.
 */
public interface TilePacker {

  /**
   * Transforms all keys and values of tiles in place. First, if keys are to be smoothed, it sets
   * the mean key of each head: of float32 keys before they are rounded again, summed in double
   * token by token, tile by tile, then over the tiles (an order that other devices keep).
   *
   * @param layout of the tiles, BF16
   * @param tiles which nobody else reads
   * @param tokens that they hold; what lies behind the last one is undefined before and after
   * @param transform active, its means still 0
   */
  void transform(PageLayout layout, MemorySegment[] tiles, int tokens, KeyTransform transform);

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
