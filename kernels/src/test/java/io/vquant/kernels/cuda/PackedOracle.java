package io.vquant.kernels.cuda;

import java.util.List;

/**
 * Attention of one query in double over decoded keys and values, and how far F16 operands may be
 * from it.
 *
 * <p>The bound follows that of the conformance suite's attention: a score is off by d_j, so the
 * softmax weight p_j by at most p_j (e^{d_j} E - 1), E = sum p_i e^{d_i}, applied to v_j - o. Here:
 *
 * <ul>
 *   <li>queries are rounded to F16: 2^-11 of sum |q||k|, where a packed key's parts count as 16
 *       steps each way; codes enter exactly: n roundings of 2^-23 (tensor cores cut) of 16 steps;
 *   <li>a weight times its scale is rounded to F16: 2^-11 of p_j times the parts of the value, and
 *       where it is subnormal 2^-25 times at most 15 codes that may count 16 times, relative to the
 *       largest weight of the pages of a warp, which is at most the largest of all.
 * </ul>
 */
final class PackedOracle {
  private static final double OPERAND = 0x1p-11;
  private static final double SUM = 0x1p-23;
  private static final double STEPS = 16;
  private static final double SUBNORMAL = 15 * 16 * 0x1p-25;

  /** Bound of a packed key's scale: 4-bit grids of 64 or more Gaussian numbers span at most 12. */
  private static final double STEP = 12.0 / 15;

  private final double[] exact;
  private final double[] tolerance;

  PackedOracle(
      float[] q, List<float[]> keys, List<float[]> values, List<float[]> bounds, float scale) {
    int count = keys.size();
    int headDim = q.length;
    double[] score = new double[count];
    double[] scoreError = new double[count];
    double max = Double.NEGATIVE_INFINITY;
    double queryMagnitude = 0;
    for (float x : q) {
      queryMagnitude += Math.abs(x) * scale;
    }
    double roundings = headDim + 16;
    for (int j = 0; j < count; j++) {
      for (int c = 0; c < headDim; c++) {
        score[j] += (double) q[c] * keys.get(j)[c] * scale;
      }
      scoreError[j] =
          OPERAND * queryMagnitude * STEPS * STEP + roundings * SUM * STEPS * STEP * queryMagnitude;
      max = Math.max(max, score[j]);
    }
    double sum = 0;
    double growth = 0;
    double[] p = new double[count];
    for (int j = 0; j < count; j++) {
      p[j] = Math.exp(score[j] - max);
      sum += p[j];
      scoreError[j] += 4 * (max - score[j]) * SUM;
    }
    double largest = 0;
    for (int j = 0; j < count; j++) {
      p[j] /= sum;
      growth += p[j] * Math.exp(scoreError[j]);
      largest = Math.max(largest, p[j]);
    }
    exact = new double[headDim];
    tolerance = new double[headDim];
    for (int c = 0; c < headDim; c++) {
      for (int j = 0; j < count; j++) {
        exact[c] += p[j] * values.get(j)[c];
      }
      double error = 0;
      for (int j = 0; j < count; j++) {
        double shift = Math.min(1, p[j] * (Math.exp(scoreError[j]) * growth - 1));
        error += shift * Math.abs(values.get(j)[c] - exact[c]);
        error += p[j] * Math.abs(bounds.get(j)[c]) * (OPERAND + (3.0 * count + 64) * SUM);
      }
      tolerance[c] = error + count * SUBNORMAL * largest;
    }
  }

  double exact(int channel) {
    return exact[channel];
  }

  double tolerance(int channel) {
    return tolerance[channel];
  }
}
