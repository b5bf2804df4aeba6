package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One head after the other, packed by the scalar codecs: the specification. */
public final class ScalarTilePacker implements TilePacker {

  @Override
  public void transform(
      PageLayout layout, MemorySegment[] tiles, int tokens, KeyTransform transform) {
    Tiles rows = new Tiles(layout);
    float[] row = new float[layout.headDim()];
    for (int kvHead = 0; kvHead < layout.numKvHeads(); kvHead++) {
      if (transform.isSmooth()) {
        setMean(layout, tiles, tokens, transform, kvHead);
      }
      for (int token = 0; token < tokens; token++) {
        MemorySegment tile = tiles[token / PageLayout.TOKENS];
        int slot = token % PageLayout.TOKENS;
        rows.readKey(row, tile, kvHead, slot);
        transform.applyToKey(row, kvHead);
        rows.writeKey(tile, kvHead, slot, row);
        if (transform.values() != null) {
          rows.readValue(row, tile, kvHead, slot);
          transform.applyToValue(row);
          rows.writeValue(tile, kvHead, slot, row);
        }
      }
    }
  }

  private static void setMean(
      PageLayout layout, MemorySegment[] tiles, int tokens, KeyTransform transform, int kvHead) {
    Tiles rows = new Tiles(layout);
    float[] row = new float[layout.headDim()];
    double[] sums = new double[row.length];
    for (int first = 0; first < tokens; first += PageLayout.TOKENS) {
      double[] tileSums = new double[row.length];
      for (int slot = 0; slot < Math.min(PageLayout.TOKENS, tokens - first); slot++) {
        rows.readKey(row, tiles[first / PageLayout.TOKENS], kvHead, slot);
        transform.applyToKey(row, kvHead);
        for (int c = 0; c < row.length; c++) {
          tileSums[c] += row[c];
        }
      }
      for (int c = 0; c < row.length; c++) {
        sums[c] += tileSums[c];
      }
    }
    for (int c = 0; c < row.length; c++) {
      transform.setMean(kvHead, c, (float) (sums[c] / tokens));
    }
  }

  @Override
  public void pack(
      KvPageLayout layout, MemorySegment[] pages, MemorySegment[] tiles, long[] lines) {
    int headDim = layout.headDim();
    PageLayout tileLayout = new PageLayout(layout.numKvHeads(), headDim, DType.BF16);
    PlainEncoding plain = new PlainEncoding(DType.BF16);
    PageCodec tileKeys = plain.codec(KvSide.KEYS, headDim);
    PageCodec tileValues = plain.codec(KvSide.VALUES, headDim);
    PageCodec keys = layout.format().keys().codec(KvSide.KEYS, headDim);
    PageCodec values = layout.format().values().codec(KvSide.VALUES, headDim);
    try (Arena arena = Arena.ofConfined()) {
      long rowBytes = (long) Float.BYTES * headDim;
      MemorySegment memory = arena.allocate(rowBytes * PageLayout.TOKENS);
      HeadRows rows = new HeadRows(memory, 0, rowBytes, headDim);
      for (int i = 0; i < pages.length; i++) {
        for (int head = 0; head < layout.numKvHeads(); head++) {
          long mask = lines[i * layout.numKvHeads() + head];
          tileKeys.decode(rows, tiles[i], tileLayout.keysOffset(head));
          keys.encode(pages[i], layout.keysOffset(head), rows, mask);
          tileValues.decode(rows, tiles[i], tileLayout.valuesOffset(head));
          values.encode(pages[i], layout.valuesOffset(head), rows, mask);
        }
      }
    }
  }
}
