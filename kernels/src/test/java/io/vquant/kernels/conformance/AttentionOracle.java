package io.vquant.kernels.conformance;

import io.vquant.kernels.attention.AttentionSpec;

/**
 * Attention on plain arrays in double, and how far another arithmetic may be from it.
 *
 * <p>The bound: let s_j be the exact scores of one row, p_j their softmax, o = sum p_j v_j, u the
 * unit roundoff.
 *
 * <ol>
 *   <li>A computed score is off by at most d_j = gamma(headDim + 1) * scale * sum |q||k| (headDim
 *       roundings of the dot product, one of the scale) plus u |s_j - max| for the subtraction of
 *       the maximum, whose own error is common to all j and cancels. The differences that a
 *       rescaling softmax takes, block by block, add up to the same |s_j - max|. Twice that is
 *       allowed, since s_j and max stand here for the computed ones.
 *   <li>The softmax of such scores is p_j r_j with |r_j - 1| &lt;= e^{d_j} E - 1, where E = sum p_i
 *       e^{d_i} (numerator up by e^{d_j}, denominator down by at most 1 / E by Jensen's inequality,
 *       or the other way round).
 *   <li>As both softmaxes sum to 1, their difference may be applied to v_j - o: sum p_j (r_j - 1)
 *       (v_j - o). So a one-hot softmax has next to no error however large its scores are.
 *   <li>An exponential is within 2 ulp (4 u). With L keys, each weight meets L additions in the
 *       denominator, L in the numerator with a product each (fused or not, L + 1 roundings), and at
 *       the end a division or an inverse and a product (2); a rescaling softmax multiplies
 *       numerator and denominator for each block of keys, here at most one a 16 keys, by one more
 *       exponential (5 u each). All of it is gamma(n) * sum p_j |v_j|.
 *   <li>An exponential below the smallest normal number may become zero: L times that number times
 *       the largest |v_j| (the denominator is at least 1).
 * </ol>
 *
 * The errors of this class's own double arithmetic are added in the same way.
 */
final class AttentionOracle {

  /** Fewest keys between two rescalings that the bound allows. */
  private static final int KEYS_PER_RESCALING = 16;

  private final AttentionCase problem;
  private final AttentionSpec spec;
  private final ErrorBound arithmetic;
  private final float[] q;
  private final float[] k;
  private final float[] v;
  private final double[] exact;
  private final double[] tolerance;

  AttentionOracle(AttentionCase problem, ErrorBound arithmetic) {
    this.problem = problem;
    this.spec = problem.spec();
    this.arithmetic = arithmetic;
    this.q = problem.queries();
    this.k = problem.cached(problem.keys());
    this.v = problem.cached(problem.values());
    this.exact = new double[q.length];
    this.tolerance = new double[q.length];
    for (int row = 0; row < problem.rows(); row++) {
      for (int head = 0; head < spec.numQueryHeads(); head++) {
        attend(row, head);
      }
    }
  }

  double[] exact() {
    return exact;
  }

  double[] tolerance() {
    return tolerance;
  }

  private void attend(int row, int head) {
    int position = problem.startPosition() + row;
    int first = Math.max(0, position - Math.min(position, spec.slidingWindow() - 1));
    int count = position - first + 1;
    int headDim = spec.headDim();
    int qStart = row * problem.queryWidth() + head * headDim;
    int kvStart = first * problem.keyWidth() + head / spec.groupSize() * headDim;
    double[] score = new double[count];
    double[] scoreError = new double[count];
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < count; j++) {
      double magnitude = 0;
      for (int c = 0; c < headDim; c++) {
        double product = (double) q[qStart + c] * k[kvStart + j * problem.keyWidth() + c];
        score[j] += product;
        magnitude += Math.abs(product);
      }
      score[j] *= spec.softmaxScale();
      magnitude *= spec.softmaxScale();
      scoreError[j] =
          arithmetic.sumOfProducts(headDim + 1, magnitude)
              + ErrorBound.DOUBLE.sumOfProducts(headDim + 1, magnitude);
      max = Math.max(max, score[j]);
    }
    double sum = 0;
    double[] p = new double[count];
    for (int j = 0; j < count; j++) {
      p[j] = Math.exp(score[j] - max);
      sum += p[j];
      scoreError[j] += 2 * (max - score[j]) * (arithmetic.unitRoundoff() + 0x1p-53);
    }
    double expectedGrowth = 0;
    for (int j = 0; j < count; j++) {
      p[j] /= sum;
      expectedGrowth += p[j] * Math.exp(scoreError[j]);
    }
    double[] weightError = new double[count];
    for (int j = 0; j < count; j++) {
      double bound = p[j] * (Math.exp(scoreError[j]) * expectedGrowth - 1);
      // Two weights are never more than 1 apart; a bound that overflowed is no number.
      weightError[j] = bound <= 1 ? bound : 1;
    }
    for (int c = 0; c < headDim; c++) {
      mix(p, weightError, kvStart + c, qStart + c);
    }
  }

  private void mix(double[] p, double[] weightError, int vIndex, int outIndex) {
    double mean = 0;
    double magnitude = 0;
    double largest = 0;
    for (int j = 0; j < p.length; j++) {
      double value = v[vIndex + j * problem.keyWidth()];
      mean += p[j] * value;
      magnitude += p[j] * Math.abs(value);
      largest = Math.max(largest, Math.abs(value));
    }
    double error = 0;
    for (int j = 0; j < p.length; j++) {
      double distance = Math.abs(v[vIndex + j * problem.keyWidth()] - mean);
      error += weightError[j] * distance;
    }
    long rescalings = Math.ceilDiv(p.length, KEYS_PER_RESCALING);
    long roundings = 4 + 2L * p.length + 1 + 2 + 2 * 5 * rescalings;
    error += (arithmetic.gamma(roundings) + arithmetic.operandRoundoff()) * magnitude;
    error += p.length * arithmetic.smallestNormal() * largest;
    error += ErrorBound.DOUBLE.gamma(roundings) * magnitude;
    exact[outIndex] = mean;
    tolerance[outIndex] = ErrorBound.afterStoring(mean, error);
  }
}
