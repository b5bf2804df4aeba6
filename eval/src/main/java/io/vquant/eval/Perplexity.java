package io.vquant.eval;

import java.util.List;

/**
 * exp of the mean negative log-likelihood.
 *
 * @param value the perplexity
 * @param standardError of {@code value}, by the delta method: value times the standard error of the
 *     mean, tokens taken as independent (as llama-perplexity reports it)
 * @param scoredTokens tokens that the mean is over
 * @param nllSum sum of their negative log-likelihoods, in nats
 * @param windows what it was made of
 */
public record Perplexity(
    double value,
    double standardError,
    long scoredTokens,
    double nllSum,
    List<WindowLoss> windows) {

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
    double sum = windows.stream().mapToDouble(WindowLoss::nllSum).sum();
    double squares = windows.stream().mapToDouble(WindowLoss::nllSquareSum).sum();
    Estimate mean = Estimate.ofMean(sum, squares, count);
    double value = Math.exp(mean.value());
    return new Perplexity(value, value * mean.standardError(), count, sum, windows);
  }

  /**
   * The loss in bits for a byte of the scored text, a measure that does not depend on the
   * tokenizer.
   *
   * @param scoredBytes UTF-8 bytes of the text that the scored tokens stand for, above 0
   */
  public double bitsPerByte(long scoredBytes) {
    if (scoredBytes < 1) {
      throw new IllegalArgumentException(scoredBytes + " bytes scored: expected 1 or more");
    }
    return nllSum / Math.log(2) / scoredBytes;
  }
}
