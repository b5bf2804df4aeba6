package io.vquant.eval;

/** Scores tokens by those before them. */
public interface TokenScorer {

  /** Most tokens of one call. */
  int contextLength();

  /**
   * Negative log-likelihoods, in nats.
   *
   * @param tokenIds 2 to {@link #contextLength()} tokens
   * @param firstScored index of the first token to score, at least 1
   * @return {@code [tokenIds.length - firstScored]}: element i is -ln of the probability of token
   *     {@code firstScored + i} after all tokens before it
   */
  double[] negativeLogLikelihoods(int[] tokenIds, int firstScored);
}
