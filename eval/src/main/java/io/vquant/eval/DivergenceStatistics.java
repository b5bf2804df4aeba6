package io.vquant.eval;

import java.util.Arrays;

/** Collects {@link TokenDivergence}s, 8 bytes a token, for a {@link Divergence}. */
final class DivergenceStatistics {
  private double[] klds = new double[1024];
  private int count;
  private double kldSum;
  private double kldSquareSum;
  private double deltaSum;
  private double deltaSquareSum;
  private double deltaFourthSum;
  private int sameTop;

  /** Takes one token's. */
  void add(TokenDivergence token) {
    if (count == klds.length) {
      klds = Arrays.copyOf(klds, 2 * count);
    }
    klds[count++] = token.kld();
    kldSum += token.kld();
    kldSquareSum += token.kld() * token.kld();
    double square = token.deltaP() * token.deltaP();
    deltaSum += token.deltaP();
    deltaSquareSum += square;
    deltaFourthSum += square * square;
    sameTop += token.sameTop() ? 1 : 0;
  }

  /**
   * The figures so far.
   *
   * @throws IllegalArgumentException if there are fewer than 2 tokens
   */
  Divergence summary() {
    Estimate meanKld = Estimate.ofMean(kldSum, kldSquareSum, count);
    double[] sorted = Arrays.copyOf(klds, count);
    Arrays.sort(sorted);
    double same = (double) sameTop / count;
    return new Divergence(
        meanKld,
        Divergence.Quantiles.of(sorted, count),
        Estimate.ofMean(deltaSum, deltaSquareSum, count),
        rmsDeltaP(),
        new Estimate(same, Math.sqrt(same * (1 - same) / (count - 1))),
        count);
  }

  /** d sqrt(x) = dx / (2 sqrt(x)). */
  private Estimate rmsDeltaP() {
    Estimate square = Estimate.ofMean(deltaSquareSum, deltaFourthSum, count);
    double rms = Math.sqrt(square.value());
    return new Estimate(rms, rms == 0 ? 0 : square.standardError() / (2 * rms));
  }
}
