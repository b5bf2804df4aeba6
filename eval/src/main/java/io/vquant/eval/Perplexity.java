package io.vquant.eval;

import java.util.List;

/**
 * exp of the mean negative log-likelihood.
 *
 * @param value the perplexity
 * @param standardError of {@code value}, by the delta method: value times the standard error of the
 *     mean, tokens taken as independent (as llama-perplexity reports it)
 * @param scoredTokens tokens that the mean is over
 * @param windows what it was made of
 */
public record Perplexity(
    double value, double standardError, long scoredTokens, List<WindowLoss> windows) {

  public Perplexity {
    windows = List.copyOf(windows);
  }

  /**
   * Pools windows.
   *
   * @throws IllegalArgumentException if they hold fewer than 2 scored tokens
   */
  public static Perplexity of(List<WindowLoss> windows) {
    long count = windows.stream().mapToLong(WindowLoss::scoredTokens).sum();
    if (count < 2) {
      throw new IllegalArgumentException(
          count + " scored tokens in " + windows.size() + " windows: expected 2 or more");
    }
    double mean = windows.stream().mapToDouble(WindowLoss::nllSum).sum() / count;
    double meanSquare = windows.stream().mapToDouble(WindowLoss::nllSquareSum).sum() / count;
    double variance = Math.max(0, meanSquare - mean * mean);
    double value = Math.exp(mean);
    return new Perplexity(value, value * Math.sqrt(variance / (count - 1)), count, windows);
  }
}
