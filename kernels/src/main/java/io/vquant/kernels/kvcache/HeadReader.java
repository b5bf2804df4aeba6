package io.vquant.kernels.kvcache;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Reads one KV head of a {@link LineKvLayer} back, position by position, by the scalar codecs. */
final class HeadReader {
  private final LineKvLayer layer;
  private final Tiles tiles;
  private final int headDim;

  HeadReader(LineKvLayer layer) {
    this.layer = layer;
    tiles = new Tiles(layer.tileLayout());
    headDim = layer.tileLayout().headDim();
  }

  void read(int kvHead, float[] keys, float[] values) {
    Arrays.fill(keys, 0, layer.length() * headDim, 0);
    Arrays.fill(values, 0, layer.length() * headDim, 0);
    readPages(kvHead, keys, values);
    for (int r = 0; r < layer.slabRows(kvHead); r++) {
      MemorySegment tile = layer.slabTile(r / PageLayout.TOKENS);
      readRow(tile, kvHead, r, layer.slabPosition(kvHead, r), keys, values);
    }
    for (int position = layer.hotStart(); position < layer.length(); position++) {
      int slot = position - layer.hotStart();
      MemorySegment tile = layer.hotTile(slot / PageLayout.TOKENS);
      readRow(tile, kvHead, slot, position, keys, values);
    }
  }

  private void readPages(int kvHead, float[] keys, float[] values) {
    KvPageLayout layout = layer.pageLayout();
    PageCodec keyCodec = layout.format().keys().codec(KvSide.KEYS, headDim);
    PageCodec valueCodec = layout.format().values().codec(KvSide.VALUES, headDim);
    long rowBytes = (long) Float.BYTES * headDim;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(rowBytes * PageLayout.TOKENS);
      HeadRows rows = new HeadRows(memory, 0, rowBytes, headDim);
      for (int page = layer.firstPackedPage(); page < layer.packedPages(); page++) {
        MemorySegment from = layer.packedPage(page);
        keyCodec.decode(rows, from, layout.keysOffset(kvHead));
        copy(rows, keys, page);
        valueCodec.decode(rows, from, layout.valuesOffset(kvHead));
        copy(rows, values, page);
      }
    }
  }

  private void copy(HeadRows rows, float[] to, int page) {
    for (int token = 0; token < PageLayout.TOKENS; token++) {
      int first = (page * PageLayout.TOKENS + token) * headDim;
      for (int c = 0; c < headDim; c++) {
        to[first + c] = rows.get(token, c);
      }
    }
  }

  private void readRow(
      MemorySegment tile, int kvHead, int row, int position, float[] keys, float[] values) {
    int slot = row % PageLayout.TOKENS;
    for (int c = 0; c < headDim; c++) {
      keys[position * headDim + c] = tiles.key(tile, kvHead, slot, c);
      values[position * headDim + c] = tiles.value(tile, kvHead, slot, c);
    }
  }
}
