package io.vquant.engine;

/** What a generation produced. */
public final class GenerationResult {
  private final int[] tokenIds;
  private final String text;
  private final FinishReason finishReason;
  private final GenerationStats stats;
  private final long seed;

  public GenerationResult(
      int[] tokenIds, String text, FinishReason finishReason, GenerationStats stats, long seed) {
    this.tokenIds = tokenIds.clone();
    this.text = text;
    this.finishReason = finishReason;
    this.stats = stats;
    this.seed = seed;
  }

  /**
   * All tokens produced, the ending eos token included when there is one, and with {@link
   * FinishReason#STOP_TEXT} those that completed the stop string.
   */
  public int[] tokenIds() {
    return tokenIds.clone();
  }

  /** The text without special tokens, cut before a stop string. Empty without a tokenizer. */
  public String text() {
    return text;
  }

  public FinishReason finishReason() {
    return finishReason;
  }

  public GenerationStats stats() {
    return stats;
  }

  /** The seed that gives these tokens again: the one asked for, else the one drawn. */
  public long seed() {
    return seed;
  }
}
