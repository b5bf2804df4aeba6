package io.vquant.eval;

import java.util.ArrayList;
import java.util.List;

/** Scores tokens as any scorer, and keeps how far a base predicts otherwise. */
public final class ComparedScorer implements TokenScorer {
  private final DivergenceScorer scorer;
  private final List<WindowLoss> baseLosses = new ArrayList<>();
  private final DivergenceStatistics statistics = new DivergenceStatistics();

  public ComparedScorer(DivergenceScorer scorer) {
    this.scorer = scorer;
  }

  @Override
  public int contextLength() {
    return scorer.contextLength();
  }

  @Override
  public double[] negativeLogLikelihoods(int[] tokenIds, int firstScored) {
    List<TokenDivergence> tokens = scorer.compare(tokenIds, firstScored);
    tokens.forEach(statistics::add);
    baseLosses.add(WindowLoss.of(tokens.stream().mapToDouble(TokenDivergence::baseNll).toArray()));
    return tokens.stream().mapToDouble(TokenDivergence::nll).toArray();
  }

  /** Perplexity of the base on all calls together. */
  public Perplexity basePerplexity() {
    return Perplexity.of(baseLosses);
  }

  /**
   * What all calls gave together.
   *
   * @throws IllegalArgumentException if there are fewer than 2 tokens
   */
  public Divergence divergence() {
    return statistics.summary();
  }
}
