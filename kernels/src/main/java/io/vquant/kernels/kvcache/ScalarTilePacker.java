package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Packs one head after the other by the scalar codecs: the specification. */
public final class ScalarTilePacker implements TilePacker {

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
