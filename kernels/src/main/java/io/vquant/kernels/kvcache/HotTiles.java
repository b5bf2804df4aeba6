package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/** The tokens of a layer that are still in 16 bits, in order, in tiles of 64. */
final class HotTiles {
  private final PageLayout layout;
  private final Tiles tiles;
  private final BlockList blocks;

  HotTiles(PageLayout layout, KvMemory memory) {
    this(layout, new BlockList(memory, layout.byteSize()));
  }

  private HotTiles(PageLayout layout, BlockList blocks) {
    this.layout = layout;
    this.blocks = blocks;
    tiles = new Tiles(layout);
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

  /** All tiles, for writing. */
  MemorySegment[] writable() {
    MemorySegment[] all = new MemorySegment[blocks.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = blocks.writable(i);
    }
    return all;
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
