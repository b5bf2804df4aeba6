package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The lines of one layer in 16 bits: for each KV head up to {@link LineBudget#MAX} rows in tiles,
 * in no order of position, with their scores.
 */
final class Slab {
  private final Tiles tiles;
  private final BlockList blocks;
  private final int[] counts;
  private final int[][] positions;
  private final float[][] scores;

  Slab(PageLayout layout, KvMemory memory) {
    this(
        new Tiles(layout),
        new BlockList(memory, layout.byteSize()),
        new int[layout.numKvHeads()],
        new int[layout.numKvHeads()][LineBudget.MAX],
        new float[layout.numKvHeads()][LineBudget.MAX]);
  }

  private Slab(Tiles tiles, BlockList blocks, int[] counts, int[][] positions, float[][] scores) {
    this.tiles = tiles;
    this.blocks = blocks;
    this.counts = counts;
    this.positions = positions;
    this.scores = scores;
  }

  Slab share() {
    int[][] positionCopies = new int[positions.length][];
    float[][] scoreCopies = new float[scores.length][];
    Arrays.setAll(positionCopies, head -> positions[head].clone());
    Arrays.setAll(scoreCopies, head -> scores[head].clone());
    return new Slab(tiles, blocks.share(), counts.clone(), positionCopies, scoreCopies);
  }

  int count(int kvHead) {
    return counts[kvHead];
  }

  int position(int kvHead, int row) {
    return positions[kvHead][row];
  }

  float score(int kvHead, int row) {
    return scores[kvHead][row];
  }

  void setScore(int kvHead, int row, float score) {
    scores[kvHead][row] = score;
  }

  int tileCount() {
    return blocks.size();
  }

  MemorySegment tile(int index) {
    return blocks.segment(index);
  }

  long byteSize() {
    return blocks.byteSize();
  }

  /** Adds a row of a hot tile as the last of a head. */
  void add(int kvHead, int position, float score, MemorySegment tile, int slot) {
    put(kvHead, counts[kvHead]++, position, score, tile, slot);
  }

  /** Puts a row of a hot tile in the place of another. */
  void put(int kvHead, int row, int position, float score, MemorySegment tile, int slot) {
    while (blocks.size() <= row / PageLayout.TOKENS) {
      blocks.add();
    }
    MemorySegment to = blocks.writable(row / PageLayout.TOKENS);
    tiles.copyRow(to, row % PageLayout.TOKENS, tile, slot, kvHead);
    positions[kvHead][row] = position;
    scores[kvHead][row] = score;
  }

  /** Removes a row; the head's last row takes its place. */
  void remove(int kvHead, int row) {
    int last = --counts[kvHead];
    if (row < last) {
      MemorySegment from = blocks.segment(last / PageLayout.TOKENS);
      int slot = last % PageLayout.TOKENS;
      put(kvHead, row, positions[kvHead][last], scores[kvHead][last], from, slot);
    }
  }

  /**
   * Carries the lines.
   *
   * @param masks of the same layer, carried before
   * @param end position after the last packed token
   * @throws IllegalArgumentException if a line that was read is not one of the masks
   */
  void transfer(KvTransfer transfer, LineMasks masks, int end) {
    int most = 0;
    for (int head = 0; head < counts.length; head++) {
      counts[head] = transfer.number("lines", counts[head], 0, LineBudget.MAX);
      most = Math.max(most, counts[head]);
      transfer.ints(positions[head], counts[head]);
      transfer.floats(scores[head], counts[head]);
      for (int row = 0; row < counts[head]; row++) {
        int position = positions[head][row];
        if (position < 0 || position >= end || !masks.isSet(head, position)) {
          throw new IllegalArgumentException(
              "line at position " + position + ": expected one of the masks before " + end);
        }
      }
    }
    int least = Math.ceilDiv(most, PageLayout.TOKENS);
    blocks.transfer(transfer, least, Math.ceilDiv(LineBudget.MAX, PageLayout.TOKENS));
  }

  void release() {
    blocks.releaseFrom(0);
    Arrays.fill(counts, 0);
  }
}
