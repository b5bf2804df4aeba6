package io.vquant.eval;

/**
 * A value computed from a sample, and how far it may be off.
 *
 * @param standardError 0 for a sample that does not vary; elements are taken as independent
 */
public record Estimate(double value, double standardError) {

  /**
   * The mean of a sample, with the standard error of the mean: sqrt(variance / (count - 1)), the
   * variance taken over {@code count}.
   *
   * @param sum of the elements
   * @param squareSum sum of their squares
   * @param count elements, at least 2
   */
  static Estimate ofMean(double sum, double squareSum, long count) {
    if (count < 2) {
      throw new IllegalArgumentException("sample of " + count + ": expected 2 or more");
    }
    double mean = sum / count;
    double variance = Math.max(0, squareSum / count - mean * mean);
    return new Estimate(mean, Math.sqrt(variance / (count - 1)));
  }
}
