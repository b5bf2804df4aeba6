package io.vquant.kernels.kvcache;

import java.util.Arrays;

/**
 * How much the tokens kept in 16 bits are looked at, per KV head. One unit everywhere: the mean,
 * over the query rows that count, of a^2 (or a, by {@link LineScore}) summed over the group's query
 * heads, a being a softmax weight. A hot token's rows are those more than {@link #MIN_AGE}
 * positions after it; a slab row's mean is exponential with a half-life of {@link #HALF_LIFE_ROWS}
 * rows.
 *
 * <p>In a pass the last {@link #OBSERVED_ROWS} rows are observed. Attention adds what they saw to
 * {@link #hotSums} and {@link #slabSums}; the layer closes the pass.
 */
public final class LineScores {

  /** Rows at the end of a pass whose attention weights are summed. */
  public static final int OBSERVED_ROWS = 64;

  /** A query less far from a key than this, or just as far, says nothing about it as a line. */
  public static final int MIN_AGE = 16;

  /** Rows after which an old mean weighs half. */
  public static final int HALF_LIFE_ROWS = 512;

  private final int numKvHeads;
  private int hotCapacity;
  private float[] hotSums = {};
  private float[] slabSums;
  private float[] hotTotals = {};
  private int[] hotRows = {};

  LineScores(int numKvHeads) {
    this.numKvHeads = numKvHeads;
    slabSums = new float[numKvHeads * LineBudget.MAX];
  }

  LineScores copy() {
    LineScores copy = new LineScores(numKvHeads);
    copy.hotCapacity = hotCapacity;
    copy.hotSums = hotSums.clone();
    copy.slabSums = slabSums.clone();
    copy.hotTotals = hotTotals.clone();
    copy.hotRows = hotRows.clone();
    return copy;
  }

  /**
   * This pass's sums over observed rows and heads, pairs of {@link #MIN_AGE} or nearer left out:
   * slot s of head h at {@code hotIndex(h) + s}, a slot being a position less the layer's {@code
   * hotStart}.
   */
  public float[] hotSums() {
    return hotSums;
  }

  public int hotIndex(int kvHead) {
    return kvHead * hotCapacity;
  }

  /**
   * This pass's sums over observed rows and heads: slab row r of head h at {@code slabIndex(h) +
   * r}.
   */
  public float[] slabSums() {
    return slabSums;
  }

  public int slabIndex(int kvHead) {
    return kvHead * LineBudget.MAX;
  }

  /** Carries what is known of hot tokens between passes. */
  void transfer(KvTransfer transfer, int hotTokens, int maxTokens) {
    int tiles = Math.ceilDiv(maxTokens, PageLayout.TOKENS);
    int capacity =
        transfer.number(
            "score capacity", hotCapacity, 0, tiles * PageLayout.TOKENS + PageLayout.TOKENS);
    if (transfer.isReading()) {
      reserve(Math.max(hotTokens, capacity));
    }
    for (int slot = 0, kept = Math.min(hotTokens, capacity); slot < kept; slot++) {
      hotRows[slot] = transfer.number("score rows", hotRows[slot], 0, Integer.MAX_VALUE);
    }
    for (int head = 0; head < numKvHeads; head++) {
      float[] totals = new float[Math.min(hotTokens, capacity)];
      System.arraycopy(hotTotals, hotIndex(head), totals, 0, totals.length);
      transfer.floats(totals, totals.length);
      System.arraycopy(totals, 0, hotTotals, hotIndex(head), totals.length);
    }
  }

  /** Makes room for hot tokens. */
  void reserve(int hotTokens) {
    if (hotTokens > hotCapacity) {
      resize(Math.ceilDiv(hotTokens, PageLayout.TOKENS) * PageLayout.TOKENS, 0);
    }
  }

  /** Forgets what the pass under way added. */
  void clearPass() {
    Arrays.fill(hotSums, 0);
    Arrays.fill(slabSums, 0);
  }

  /**
   * Takes the pass's sums of hot tokens over into their totals.
   *
   * @param hotStart position of slot 0
   * @param hotTokens slots in use
   * @param firstRow position of the first observed row
   * @param endRow position after the last
   * @param slidingWindow of the layer
   */
  void addHot(int hotStart, int hotTokens, int firstRow, int endRow, int slidingWindow) {
    for (int slot = 0; slot < hotTokens; slot++) {
      int position = hotStart + slot;
      long end = Math.min(endRow, (long) position + slidingWindow);
      hotRows[slot] += (int) Math.max(0, end - Math.max(firstRow, position + MIN_AGE + 1));
    }
    for (int head = 0; head < numKvHeads; head++) {
      int first = hotIndex(head);
      for (int i = first; i < first + hotTokens; i++) {
        hotTotals[i] += hotSums[i];
        hotSums[i] = 0;
      }
    }
  }

  /** The mean of a hot token; 0 if no row has counted yet. */
  float hotScore(int kvHead, int slot) {
    return hotRows[slot] == 0 ? 0 : hotTotals[hotIndex(kvHead) + slot] / hotRows[slot];
  }

  /** The next mean of a slab row, given its last and the rows observed; takes the pass's sum. */
  float nextSlabScore(int kvHead, int row, float last, int observedRows) {
    int at = slabIndex(kvHead) + row;
    float kept = (float) Math.pow(0.5, (double) observedRows / HALF_LIFE_ROWS);
    float mean = slabSums[at] / observedRows;
    slabSums[at] = 0;
    return last * kept + mean * (1 - kept);
  }

  /** Forgets the first slots, and memory that a long pass needed. */
  void removeHot(int slots, int remaining) {
    resize(Math.ceilDiv(remaining, PageLayout.TOKENS) * PageLayout.TOKENS, slots);
  }

  private void resize(int capacity, int firstKept) {
    int kept = Math.max(0, Math.min(hotCapacity - firstKept, capacity));
    float[] totals = new float[numKvHeads * capacity];
    for (int head = 0; head < numKvHeads; head++) {
      System.arraycopy(hotTotals, hotIndex(head) + firstKept, totals, head * capacity, kept);
    }
    int[] rows = new int[capacity];
    System.arraycopy(hotRows, firstKept, rows, 0, kept);
    hotTotals = totals;
    hotRows = rows;
    hotSums = new float[numKvHeads * capacity];
    hotCapacity = capacity;
  }
}
