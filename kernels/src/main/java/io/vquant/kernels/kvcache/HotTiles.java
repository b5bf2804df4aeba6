package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/** The tokens of a layer that are still in 16 bits, in order, in tiles of 64. */
final class HotTiles {
  private final PageLayout layout;
  private final Tiles tiles;
  private final BlockList blocks;
  private final float[] row;

  HotTiles(PageLayout layout, KvMemory memory) {
    this(layout, new BlockList(memory, layout.byteSize()));
  }

  private HotTiles(PageLayout layout, BlockList blocks) {
    this.layout = layout;
    this.blocks = blocks;
    tiles = new Tiles(layout);
    row = new float[layout.headDim()];
  }

  HotTiles share() {
    return new HotTiles(layout, blocks.share());
  }

  int size() {
    return blocks.size();
  }

  MemorySegment tile(int index) {
    return blocks.segment(index);
  }

  MemorySegment tileOf(int slot) {
    return blocks.segment(slot / PageLayout.TOKENS);
  }

  /** The tile of a slot, which may be the first of a new one, for writing. */
  private MemorySegment writableTileOf(int slot) {
    int tile = slot / PageLayout.TOKENS;
    return tile == blocks.size() ? blocks.add() : blocks.writable(tile);
  }

  void writeKey(int slot, int kvHead, float[] key) {
    tiles.writeKey(writableTileOf(slot), kvHead, slot % PageLayout.TOKENS, key);
  }

  void writeValue(int slot, int kvHead, float[] value) {
    tiles.writeValue(writableTileOf(slot), kvHead, slot % PageLayout.TOKENS, value);
  }

  /**
   * Begins to transform: the tokens that are there now, and by what they tell of the mean key all
   * later ones.
   */
  void activate(KeyTransform transform, int tokens) {
    transform.activate();
    for (int kvHead = 0; kvHead < layout.numKvHeads(); kvHead++) {
      if (transform.isSmooth()) {
        setMean(transform, kvHead, tokens);
      }
      for (int slot = 0; slot < tokens; slot++) {
        readKey(slot, kvHead);
        transform.applyToKey(row, kvHead);
        writeKey(slot, kvHead, row);
        if (transform.values() != null) {
          readValue(slot, kvHead);
          transform.applyToValue(row);
          writeValue(slot, kvHead, row);
        }
      }
    }
  }

  /** Sums are taken tile by tile, then over the tiles: an order that other devices keep. */
  private void setMean(KeyTransform transform, int kvHead, int tokens) {
    double[] sums = new double[layout.headDim()];
    double[] tileSums = new double[layout.headDim()];
    for (int slot = 0; slot < tokens; slot++) {
      readKey(slot, kvHead);
      transform.applyToKey(row, kvHead);
      for (int c = 0; c < sums.length; c++) {
        tileSums[c] += row[c];
      }
      if ((slot + 1) % PageLayout.TOKENS == 0 || slot + 1 == tokens) {
        for (int c = 0; c < sums.length; c++) {
          sums[c] += tileSums[c];
          tileSums[c] = 0;
        }
      }
    }
    for (int c = 0; c < sums.length; c++) {
      transform.setMean(kvHead, c, (float) (sums[c] / tokens));
    }
  }

  private void readKey(int slot, int kvHead) {
    for (int c = 0; c < row.length; c++) {
      row[c] = tiles.key(tileOf(slot), kvHead, slot % PageLayout.TOKENS, c);
    }
  }

  private void readValue(int slot, int kvHead) {
    for (int c = 0; c < row.length; c++) {
      row[c] = tiles.value(tileOf(slot), kvHead, slot % PageLayout.TOKENS, c);
    }
  }

  /** A tile for others to read. */
  SharedPage sharePage(int index) {
    return blocks.sharePage(index);
  }

  /** Adds a tile that others read too. */
  void adopt(SharedPage page) {
    blocks.adopt(page);
  }

  /** Gives up the first tiles; the others take their numbers. */
  void removeBefore(int tile) {
    blocks.removeBefore(tile);
  }

  /** Gives up the tiles behind so many tokens. */
  void keepTokens(int tokens) {
    blocks.releaseFrom(Math.ceilDiv(tokens, PageLayout.TOKENS));
  }

  void transfer(KvTransfer transfer, int tokens) {
    int tiles = Math.ceilDiv(tokens, PageLayout.TOKENS);
    blocks.transfer(transfer, tiles, tiles);
  }

  long byteSize() {
    return blocks.byteSize();
  }
}
