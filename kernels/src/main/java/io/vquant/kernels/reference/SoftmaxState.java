package io.vquant.kernels.reference;

import io.vquant.kernels.quant.Float8E4M3;
import io.vquant.kernels.quant.TruncatedSum;
import java.util.Arrays;

/**
 * One row's online softmax (Milakov and Gimelshein 2018) in base 2 over tiles of scores: maximum,
 * sum of weights, and the weighted sum of values not yet divided by it.
 */
final class SoftmaxState {

  /** Weights, at most 1, are multiplied by this before they become E4M3. */
  static final float WEIGHT_SCALE = Float8E4M3.MAX_VALUE;

  private final int headDim;
  private final double[] out;
  private final float[] weights = new float[64];
  private final float[] products = new float[TruncatedSum.PRODUCTS];
  private double max;
  private double sum;

  SoftmaxState(int headDim) {
    this.headDim = headDim;
    out = new double[headDim];
    clear();
  }

  void clear() {
    max = Double.NEGATIVE_INFINITY;
    sum = 0;
    Arrays.fill(out, 0);
  }

  double max() {
    return max;
  }

  double sum() {
    return sum;
  }

  double out(int channel) {
    return out[channel];
  }

  /** What brings this state from its own maximum to a larger one. */
  double factor(double newMax) {
    return max == Double.NEGATIVE_INFINITY ? 0 : Math.pow(2, max - newMax);
  }

  /**
   * Adds keys.
   *
   * @param scores the first {@code count} are taken; minus infinity adds nothing
   * @param positions of the keys: rows of {@code values} {@code [tokens, headDim]}
   * @param least the maximum is at least this afterwards
   */
  void add(double[] scores, int[] positions, int count, double least, float[] values) {
    if (!raiseMax(scores, count, least)) {
      return;
    }
    for (int i = 0; i < count; i++) {
      double weight = Math.pow(2, scores[i] - max);
      sum += weight;
      for (int c = 0; c < headDim && weight != 0; c++) {
        out[c] += weight * values[positions[i] * headDim + c];
      }
    }
  }

  /** Adds a tile of 64 keys: E4M3 weights and values, summed as the matrix unit does. */
  void addE4M3(double[] scores, int[] positions, double least, float[] codes) {
    if (!raiseMax(scores, weights.length, least)) {
      return;
    }
    for (int i = 0; i < weights.length; i++) {
      float weight = (float) Math.pow(2, scores[i] - max);
      sum += weight;
      weights[i] = Float8E4M3.round(weight * WEIGHT_SCALE);
    }
    for (int c = 0; c < headDim; c++) {
      float tileSum = 0;
      for (int half = 0; half < weights.length; half += products.length) {
        for (int i = 0; i < products.length; i++) {
          products[i] = weights[half + i] * codes[positions[half + i] * headDim + c];
        }
        tileSum = TruncatedSum.add(tileSum, products, 0, products.length);
      }
      out[c] += tileSum;
    }
  }

  /** Whether there is anything to add. */
  private boolean raiseMax(double[] scores, int count, double least) {
    double tileMax = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      tileMax = Math.max(tileMax, scores[i]);
    }
    if (tileMax == Double.NEGATIVE_INFINITY) {
      return false;
    }
    double newMax = Math.max(Math.max(max, least), tileMax);
    double kept = factor(newMax);
    sum *= kept;
    for (int c = 0; c < headDim; c++) {
      out[c] *= kept;
    }
    max = newMax;
    return true;
  }
}
