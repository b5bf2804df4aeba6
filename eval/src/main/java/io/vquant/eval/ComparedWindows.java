package io.vquant.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** Scores windows with a base and with other ways of running its model, and keeps the sums. */
public final class ComparedWindows {
  private final DivergenceScorer scorer;
  private final List<WindowLoss> baseLosses = new ArrayList<>();
  private final List<Way> ways = new ArrayList<>();

  /** What there is of one way so far. */
  private static final class Way {
    final List<WindowLoss> losses = new ArrayList<>();
    final DivergenceStatistics statistics = new DivergenceStatistics();
  }

  public ComparedWindows(DivergenceScorer scorer) {
    this.scorer = scorer;
    for (int i = 0; i < scorer.ways(); i++) {
      ways.add(new Way());
    }
  }

  /** Scores the next window; parameters as those of {@link WindowProtocol#window}. */
  public void score(
      WindowProtocol protocol, int[] text, int windowTokens, int index, OptionalInt bos) {
    int[] window = WindowProtocol.window(text, windowTokens, index, bos);
    List<List<TokenDivergence>> compared =
        scorer.compare(window, protocol.firstScored(windowTokens));
    baseLosses.add(loss(compared.getFirst().stream().mapToDouble(TokenDivergence::baseNll)));
    for (int i = 0; i < ways.size(); i++) {
      ways.get(i).losses.add(loss(compared.get(i).stream().mapToDouble(TokenDivergence::nll)));
      compared.get(i).forEach(ways.get(i).statistics::add);
    }
  }

  private static WindowLoss loss(java.util.stream.DoubleStream negativeLogLikelihoods) {
    return WindowLoss.of(negativeLogLikelihoods.toArray());
  }

  /** Perplexity of the base so far. */
  public Perplexity basePerplexity() {
    return Perplexity.of(baseLosses);
  }

  /** Perplexity of one way so far. */
  public Perplexity perplexity(int way) {
    return Perplexity.of(ways.get(way).losses);
  }

  /**
   * How far one way has differed from the base so far.
   *
   * @throws IllegalArgumentException if there are fewer than 2 tokens
   */
  public Divergence divergence(int way) {
    return ways.get(way).statistics.summary();
  }
}
