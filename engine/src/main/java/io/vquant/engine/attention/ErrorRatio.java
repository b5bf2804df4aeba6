package io.vquant.engine.attention;

import java.util.Arrays;

/**
 * How much smaller one set of errors is than another, over layers and query heads.
 *
 * @param ofSums sum of the base's errors over the sum of the variant's
 * @param median median over the heads of the ratio of their errors
 * @param worst least such ratio
 */
public record ErrorRatio(double ofSums, double median, double worst) {

  /**
   * Compares errors of the same heads, at least one.
   *
   * @param base mean squared error of each head, all low bit
   * @param variant mean squared error of each head
   */
  public static ErrorRatio of(double[] base, double[] variant) {
    if (base.length == 0 || base.length != variant.length) {
      throw new IllegalArgumentException(
          base.length + " and " + variant.length + " heads: expected the same, at least 1");
    }
    double[] ratios = new double[base.length];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = ratio(base[i], variant[i]);
    }
    Arrays.sort(ratios);
    int middle = ratios.length / 2;
    double median =
        ratios.length % 2 == 1 ? ratios[middle] : (ratios[middle - 1] + ratios[middle]) / 2;
    double ofSums = ratio(Arrays.stream(base).sum(), Arrays.stream(variant).sum());
    return new ErrorRatio(ofSums, median, ratios[0]);
  }

  /** Two errors of nothing are equal. */
  private static double ratio(double base, double variant) {
    return base == variant ? 1 : base / variant;
  }
}
