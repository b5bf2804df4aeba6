package io.vquant.eval;

/**
 * How a way of running a model differs from a base, over many tokens; the figures of
 * llama-perplexity's {@code --kl-divergence}.
 *
 * @param meanKld mean of {@link TokenDivergence#kld}, in nats
 * @param kld its distribution, in nats
 * @param meanDeltaP mean of {@link TokenDivergence#deltaP}, as a part of 1
 * @param rmsDeltaP root of the mean square of the same; its error by the delta method
 * @param sameTop part of the tokens with the same most likely prediction; its error is that of a
 *     binomial proportion
 * @param tokens tokens compared
 */
public record Divergence(
    Estimate meanKld,
    Quantiles kld,
    Estimate meanDeltaP,
    Estimate rmsDeltaP,
    Estimate sameTop,
    long tokens) {

  /**
   * Points of a distribution. Between two neighbours of the sorted sample lies a straight line, as
   * in NumPy and in llama-perplexity.
   */
  public record Quantiles(
      double median, double p90, double p95, double p99, double p999, double max) {

    /**
     * Reads them off a sample.
     *
     * @param sorted ascending, not empty
     * @param count elements in use
     */
    static Quantiles of(double[] sorted, int count) {
      return new Quantiles(
          quantile(sorted, count, 0.5),
          quantile(sorted, count, 0.9),
          quantile(sorted, count, 0.95),
          quantile(sorted, count, 0.99),
          quantile(sorted, count, 0.999),
          sorted[count - 1]);
    }

    private static double quantile(double[] sorted, int count, double part) {
      double place = part * (count - 1);
      int below = (int) place;
      int above = Math.min(below + 1, count - 1);
      return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
  }
}
