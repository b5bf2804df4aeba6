package io.vquant.kernels.cuda;

import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.LineLayerCopy;
import io.vquant.kernels.kvcache.PageLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.ObjIntConsumer;

/** Reads packing layers back from a device. */
public final class CudaLineLayers {
  private CudaLineLayers() {}

  /** A copy in host memory, while a pass is under way after attention, or between passes. */
  public static LineKvLayer copy(KvCacheSpec cache, KvLayer kv) {
    CudaLineLayer layer = (CudaLineLayer) kv;
    LineLayerTable table = layer.table();
    int index = layer.index();
    int heads = layer.pageLayout().numKvHeads();
    LineLayerCopy copy = new LineLayerCopy(cache, layer.spec());
    MemorySegment masks = read(layer, table.lineMasks(index), 8L * heads * table.maxPages());
    copy.setLength(layer.length(), layer.observedFrom(), layer.passEnd());
    for (int page = 0; page < layer.packed().size(); page++) {
      boolean there = page >= layer.packed().first();
      copy.addPage(
          there ? read(layer, layer.packed().page(page), layer.pageLayout().byteSize()) : null);
      for (int head = 0; head < heads; head++) {
        long at = (long) head * table.maxPages() + page;
        copy.setMask(head, page, masks.getAtIndex(ValueLayout.JAVA_LONG, at));
      }
    }
    for (int i = 0; i < layer.hot().size(); i++) {
      copy.addHotTile(read(layer, layer.hot().page(i), layer.hot().pageByteSize()));
    }
    addLines(copy, layer, heads);
    addSums(copy, layer, heads);
    return copy.layer();
  }

  private static void addLines(LineLayerCopy copy, CudaLineLayer layer, int heads) {
    LineLayerTable table = layer.table();
    long byteSize = 4L * heads * LineLayerTable.SLAB_ROWS;
    MemorySegment positions = read(layer, table.slabPositions(layer.index()), byteSize);
    MemorySegment scores = read(layer, table.slabScores(layer.index()), byteSize);
    MemorySegment sums = read(layer, table.slabSums(layer.index()), byteSize);
    for (int tile = 0; tile < layer.slab().size(); tile++) {
      MemorySegment from = read(layer, layer.slab().page(tile), layer.slab().pageByteSize());
      for (int head = 0; head < heads; head++) {
        for (int slot = 0; slot < PageLayout.TOKENS; slot++) {
          long at = (long) head * LineLayerTable.SLAB_ROWS + (long) tile * PageLayout.TOKENS + slot;
          int position = positions.getAtIndex(ValueLayout.JAVA_INT, at);
          if (position >= 0) {
            float score = scores.getAtIndex(ValueLayout.JAVA_FLOAT, at);
            float sum = sums.getAtIndex(ValueLayout.JAVA_FLOAT, at);
            copy.addLine(head, position, score, sum, from, slot);
          }
        }
      }
    }
  }

  private static void addSums(LineLayerCopy copy, CudaLineLayer layer, int heads) {
    if (layer.passEnd() - layer.observedFrom() == 0) {
      return;
    }
    boolean decoding = layer.isDecoding();
    int stride = decoding ? layer.table().ringTokens() : layer.passSums().stride();
    long address = decoding ? layer.table().hotSums(layer.index()) : layer.passSums().address();
    MemorySegment sums = read(layer, address, 4L * heads * stride);
    for (int head = 0; head < heads; head++) {
      for (int slot = 0; slot < layer.length() - layer.hotStart(); slot++) {
        long at = (long) head * stride + slot;
        copy.setHotSum(head, slot, sums.getAtIndex(ValueLayout.JAVA_FLOAT, at));
      }
    }
  }

  /**
   * Changes the last hot tile.
   *
   * @param edit is given the tile, and how many of its rows are in use
   */
  public static void editLastTile(KvLayer kv, ObjIntConsumer<MemorySegment> edit) {
    CudaLineLayer layer = (CudaLineLayer) kv;
    int last = layer.hot().size() - 1;
    long address = layer.hot().page(last);
    MemorySegment tile = read(layer, address, layer.hot().pageByteSize());
    edit.accept(tile, layer.length() - layer.hotStart() - last * PageLayout.TOKENS);
    layer.runtime().stream().copyToDevice(address, tile);
    layer.runtime().stream().synchronize();
  }

  private static MemorySegment read(CudaLineLayer layer, long address, long byteSize) {
    MemorySegment host = Arena.ofAuto().allocate(Math.max(8, byteSize), 8);
    layer.runtime().stream().copyToHost(host.asSlice(0, byteSize), address);
    layer.runtime().stream().synchronize();
    return host;
  }
}
