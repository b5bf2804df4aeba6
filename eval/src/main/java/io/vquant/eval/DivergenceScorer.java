package io.vquant.eval;

import java.util.List;

/**
 * Runs a model in several ways over the same tokens and compares what they predict with what a base
 * predicts.
 */
public interface DivergenceScorer {

  /** Most tokens of one call. */
  int contextLength();

  /** How many ways are compared with the base, at least 1. */
  int ways();

  /**
   * Compares predictions.
   *
   * @param tokenIds 2 to {@link #contextLength()} tokens
   * @param firstScored index of the first token to score, at least 1
   * @return {@code [ways][tokenIds.length - firstScored]}: element i of a way is about token {@code
   *     firstScored + i} after all tokens before it
   */
  List<List<TokenDivergence>> compare(int[] tokenIds, int firstScored);
}
