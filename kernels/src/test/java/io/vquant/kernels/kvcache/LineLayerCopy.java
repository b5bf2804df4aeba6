package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Builds a layer in host memory from what a device's layer holds. Its memory is never freed. */
public final class LineLayerCopy {
  private final LineKvLayer layer;
  private final LineKvLayer.Parts parts;

  public LineLayerCopy(KvCacheSpec cache, KvLayerSpec spec) {
    layer = new LineKvLayer(cache, spec, new ScalarTilePacker(), new KvMemory());
    parts = layer.parts();
  }

  /**
   * Says where the pass is.
   *
   * @param observedFrom position of its first observed row
   * @param passEnd position after its last row
   */
  public void setLength(int length, int observedFrom, int passEnd) {
    layer.setPass(length, observedFrom, passEnd);
    parts.scores().reserve(passEnd);
  }

  /** Adds a packed page, or one that was given up. */
  public void addPage(@Nullable MemorySegment page) {
    int index = parts.packed().size();
    parts.transform().activate();
    MemorySegment to = parts.packed().add();
    parts.masks().addPages(1);
    if (page == null) {
      parts.packed().releaseBefore(index + 1);
    } else {
      to.copyFrom(page);
    }
  }

  public void setMask(int kvHead, int page, long mask) {
    parts.masks().ofHead(kvHead)[page] = mask;
  }

  public void addHotTile(MemorySegment tile) {
    PageLayout layout = layer.tileLayout();
    Tiles tiles = new Tiles(layout);
    int first = parts.hot().size() * PageLayout.TOKENS;
    float[] key = new float[layout.headDim()];
    float[] value = new float[layout.headDim()];
    for (int slot = 0; slot < PageLayout.TOKENS; slot++) {
      for (int head = 0; head < layout.numKvHeads(); head++) {
        for (int c = 0; c < key.length; c++) {
          key[c] = tiles.key(tile, head, slot, c);
          value[c] = tiles.value(tile, head, slot, c);
        }
        parts.hot().writeKey(first + slot, head, key);
        parts.hot().writeValue(first + slot, head, value);
      }
    }
  }

  /** Adds a line, and what the pass under way looked at it. */
  public void addLine(
      int kvHead, int position, float score, float sum, MemorySegment tile, int slot) {
    int row = parts.slab().count(kvHead);
    parts.slab().add(kvHead, position, score, tile, slot);
    parts.scores().slabSums()[parts.scores().slabIndex(kvHead) + row] = sum;
  }

  public void setHotSum(int kvHead, int slot, float sum) {
    parts.scores().hotSums()[parts.scores().hotIndex(kvHead) + slot] = sum;
  }

  public LineKvLayer layer() {
    return layer;
  }
}
