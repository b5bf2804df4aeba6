package io.vquant.eval;

import java.util.List;

/** Runs a model in two ways over the same tokens and compares what they predict. */
public interface DivergenceScorer {

  /** Most tokens of one call. */
  int contextLength();

  /**
   * Compares predictions.
   *
   * @param tokenIds 2 to {@link #contextLength()} tokens
   * @param firstScored index of the first token to score, at least 1
   * @return {@code [tokenIds.length - firstScored]}: element i is about token {@code firstScored +
   *     i} after all tokens before it
   */
  List<TokenDivergence> compare(int[] tokenIds, int firstScored);
}
