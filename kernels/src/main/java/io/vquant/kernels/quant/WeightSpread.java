package io.vquant.kernels.quant;

/**
 * Mean and standard deviation of a matrix, gathered row by row, and which of its weights are
 * outliers: {@code |w - mean| >= n sigma} (EasyQuant, Tang et al. 2024, section 3.1). Rows may be
 * added by several threads; the result does not depend on their order.
 */
final class WeightSpread {

  private final double[] sums;
  private final double[] squares;
  private final long count;
  private float low = Float.NEGATIVE_INFINITY;
  private float high = Float.POSITIVE_INFINITY;

  WeightSpread(int rows, int columns) {
    sums = new double[rows];
    squares = new double[rows];
    count = (long) rows * columns;
  }

  void add(int row, float weight) {
    sums[row] += weight;
    squares[row] += (double) weight * weight;
  }

  /** When all rows are added. */
  void end(float sigmas) {
    double sum = 0;
    double squareSum = 0;
    for (int row = 0; row < sums.length; row++) {
      sum += sums[row];
      squareSum += squares[row];
    }
    double mean = sum / count;
    double sigma = Math.sqrt(Math.max(0, squareSum / count - mean * mean));
    if (sigma > 0) {
      low = (float) (mean - sigmas * sigma);
      high = (float) (mean + sigmas * sigma);
    }
  }

  boolean isOutlier(float weight) {
    return weight <= low || weight >= high;
  }
}
