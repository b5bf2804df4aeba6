package io.vquant.kernels.conformance;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.quant.HadamardTransform;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one row over a layer that packs, in double on the decoded numbers, and how far
 * another arithmetic may be from it. The bound is that of {@link AttentionOracle}, with what
 * differs for packed pages:
 *
 * <ol>
 *   <li>A score is {@code a (q . c) + z sum(q)}, summed over groups of channels, or with a and z a
 *       channel {@code (q a) . c + q . z}: sums of products whose magnitudes are |q| (|a c| + |z|).
 *       On each term's way lie at most headDim additions, one rounding a group for each of its two
 *       parts (headDim / 16 groups at the most), and five more: of the decoded key itself, of q
 *       times its factor, of that factor (scale times log2 e, and log2 e itself), of q times a.
 *   <li>Weights times scales, and the sum of weights times zeros, are sums of products of
 *       magnitudes p (|a c| + |z|), with two roundings more than a plain value.
 *   <li>A kernel may multiply q or p by a power of two down to 2^-28, so that a code need not be
 *       moved within its word. If that underflows, a product is off by 2^28 times 255 times the
 *       largest scale, 2^16, times half the smallest subnormal number: below 2^-98, which is added
 *       once a term to scores and outputs.
 *   <li>If values are stored transformed, an output is a sum over a block of n channels times 1 /
 *       sqrt(n), in float32 in any arithmetic: log2 n + 1 roundings.
 * </ol>
 */
final class LineAttentionOracle {

  private static final int KEYS_PER_RESCALING = 16;
  private static final double UNDERFLOW = 0x1p-98;

  private final AttentionSpec spec;
  private final ErrorBound arithmetic;
  private final StoredHead stored;
  private double[] weights = {};
  private double[] weightErrors = {};

  LineAttentionOracle(AttentionSpec spec, ErrorBound arithmetic, StoredHead stored) {
    this.spec = spec;
    this.arithmetic = arithmetic;
    this.stored = stored;
  }

  /** Softmax weights of the last row, by position. */
  double[] weights() {
    return weights;
  }

  /** Largest error of each. */
  double[] weightErrors() {
    return weightErrors;
  }

  /**
   * Attends.
   *
   * @param exact receives {@code headDim} outputs from {@code at} on
   * @param tolerance receives how far off they may be
   * @param query transformed as the layer's keys are
   */
  void attend(
      double[] exact,
      double[] tolerance,
      int at,
      float[] query,
      int position,
      @Nullable HadamardTransform valueTransform) {
    int first = spec.firstVisible(position);
    softmax(query, first, position + 1);
    double[] error = new double[spec.headDim()];
    double[] mean = new double[spec.headDim()];
    for (int c = 0; c < spec.headDim(); c++) {
      mix(mean, error, c, first, position + 1);
    }
    int from = 0;
    int[] blocks = valueTransform == null ? new int[0] : valueTransform.blocks();
    for (int size : blocks) {
      transform(mean, error, from, size);
      from += size;
    }
    for (int c = 0; c < spec.headDim(); c++) {
      exact[at + c] = mean[c];
      tolerance[at + c] = ErrorBound.afterStoring(mean[c], error[c]);
    }
  }

  private void softmax(float[] query, int first, int end) {
    int headDim = spec.headDim();
    weights = new double[end];
    weightErrors = new double[end];
    double[] growth = new double[end];
    int roundings = headDim + headDim / 8 + 5;
    double max = Double.NEGATIVE_INFINITY;
    for (int j = first; j < end; j++) {
      double magnitude = 0;
      for (int c = 0; c < headDim; c++) {
        weights[j] += (double) query[c] * stored.keys()[j * headDim + c];
        magnitude += Math.abs(query[c]) * stored.keyTerms()[j * headDim + c];
      }
      weights[j] *= spec.softmaxScale();
      magnitude *= spec.softmaxScale();
      growth[j] =
          arithmetic.sumOfProducts(roundings, magnitude)
              + ErrorBound.DOUBLE.sumOfProducts(roundings, magnitude)
              + headDim * UNDERFLOW;
      max = Math.max(max, weights[j]);
    }
    double sum = 0;
    for (int j = first; j < end; j++) {
      growth[j] += 2 * (max - weights[j]) * (arithmetic.unitRoundoff() + 0x1p-53);
      weights[j] = Math.exp(weights[j] - max);
      sum += weights[j];
    }
    double expected = 0;
    for (int j = first; j < end; j++) {
      weights[j] /= sum;
      expected += weights[j] * Math.exp(growth[j]);
    }
    for (int j = first; j < end; j++) {
      double bound = weights[j] * (Math.exp(growth[j]) * expected - 1);
      // Two weights are never more than 1 apart; a bound that overflowed is no number.
      weightErrors[j] = bound <= 1 ? bound : 1;
    }
  }

  private void mix(double[] mean, double[] error, int c, int first, int end) {
    int headDim = spec.headDim();
    double magnitude = 0;
    double largest = 0;
    for (int j = first; j < end; j++) {
      mean[c] += weights[j] * stored.values()[j * headDim + c];
      magnitude += weights[j] * stored.valueTerms()[j * headDim + c];
      largest = Math.max(largest, stored.valueTerms()[j * headDim + c]);
    }
    for (int j = first; j < end; j++) {
      double distance = Math.abs(stored.values()[j * headDim + c] - mean[c]);
      error[c] += weightErrors[j] * distance;
    }
    double rounding = arithmetic.gamma(weightRoundings(end - first));
    error[c] += (rounding + arithmetic.operandRoundoff()) * magnitude;
    error[c] += ErrorBound.DOUBLE.gamma(weightRoundings(end - first)) * magnitude;
    // The decoded value was rounded, the kernel's was not.
    error[c] += ErrorBound.SINGLE.unitRoundoff() * magnitude;
    error[c] += (end - first) * (arithmetic.smallestNormal() * largest + UNDERFLOW);
  }

  /** Roundings on a weight's way to an output. */
  static long weightRoundings(int keys) {
    return 4 + 2L * keys + 1 + 2 + 10L * Math.ceilDiv(keys, KEYS_PER_RESCALING) + 2;
  }

  private static void transform(double[] mean, double[] error, int from, int size) {
    double[] exact = new double[size];
    double off = 0;
    double magnitude = 0;
    for (int i = 0; i < size; i++) {
      for (int j = 0; j < size; j++) {
        int sign = Integer.bitCount(i & j) % 2 == 0 ? 1 : -1;
        exact[i] += sign * mean[from + j] / Math.sqrt(size);
      }
      // What goes in was rounded to float32.
      off += ErrorBound.afterStoring(mean[from + i], error[from + i]) / Math.sqrt(size);
      magnitude += Math.abs(mean[from + i]) / Math.sqrt(size);
    }
    long roundings = 2L + Integer.numberOfTrailingZeros(size);
    double rounding = ErrorBound.SINGLE.sumOfProducts(roundings, magnitude + off);
    for (int i = 0; i < size; i++) {
      mean[from + i] = exact[i];
      error[from + i] = off + rounding;
    }
  }
}
