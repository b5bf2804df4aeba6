package io.vquant.kernels.attention;

import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Scores of all keys of a layer by the attention that the last queries of a prompt pay to them, in
 * double: {@link LineCriterion}. Costs {@code 2 * 64 / tokens} of the attention itself.
 */
public final class ObservationScores {

  /** Queries that are looked at: the last ones. */
  public static final int ROWS = 64;

  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final AttentionSpec spec;
  private final int tokens;
  private final Tensor q;
  private final float[] query;
  private final double[] weights;

  private ObservationScores(AttentionSpec spec, Tensor q, int tokens) {
    this.spec = spec;
    this.tokens = tokens;
    this.q = q;
    query = new float[spec.headDim()];
    weights = new double[tokens];
  }

  /**
   * Computes the scores {@code [numKvHeads][tokens]}.
   *
   * @param q {@code [rows, numQueryHeads * headDim]} F32 in host memory: the last positions; of
   *     these the last {@link #ROWS} count
   * @param k {@code [tokens, numKvHeads * headDim]} F32 in host memory
   */
  public static double[][] of(LineCriterion kind, AttentionSpec spec, Tensor q, Tensor k) {
    int tokens = k.rows();
    if (q.rows() > tokens || (q.rows() == 0 && tokens > 0)) {
      throw new IllegalArgumentException(
          "q has " + q.rows() + " rows: expected 1 to " + tokens + ", the tokens of k");
    }
    ObservationScores observation = new ObservationScores(spec, q, tokens);
    double[][] scores = new double[spec.numKvHeads()][];
    float[] keys = new float[tokens * spec.headDim()];
    for (int kvHead = 0; kvHead < scores.length; kvHead++) {
      int width = spec.headDim();
      for (int token = 0; token < tokens; token++) {
        copy(keys, token * width, k, token, kvHead * width, width);
      }
      scores[kvHead] =
          kind == LineCriterion.KEY_NORM
              ? observation.keyNorms(keys)
              : observation.weights(keys, kvHead, kind == LineCriterion.SQUARED_WEIGHT);
    }
    return scores;
  }

  private static void copy(float[] to, int at, Tensor from, int row, int column, int count) {
    MemorySegment.copy(from.segment(), F32, from.rowByteOffset(row) + 4L * column, to, at, count);
  }

  private double[] weights(float[] keys, int kvHead, boolean squared) {
    double[] sums = new double[tokens];
    int[] seen = new int[tokens];
    for (int row = Math.max(0, q.rows() - ROWS); row < q.rows(); row++) {
      int position = tokens - q.rows() + row;
      int first = spec.firstVisible(position);
      for (int i = 0; i < spec.groupSize(); i++) {
        int head = kvHead * spec.groupSize() + i;
        copy(query, 0, q, row, head * spec.headDim(), spec.headDim());
        softmax(keys, first, position);
        for (int j = first; j <= position; j++) {
          sums[j] += squared ? weights[j] * weights[j] : weights[j];
          seen[j]++;
        }
      }
    }
    for (int j = 0; j < tokens; j++) {
      sums[j] = seen[j] == 0 ? 0 : sums[j] / seen[j];
    }
    return sums;
  }

  private void softmax(float[] keys, int first, int last) {
    int headDim = spec.headDim();
    double max = Double.NEGATIVE_INFINITY;
    for (int j = first; j <= last; j++) {
      double dot = 0;
      for (int c = 0; c < headDim; c++) {
        dot += (double) query[c] * keys[j * headDim + c];
      }
      weights[j] = dot * spec.softmaxScale();
      max = Math.max(max, weights[j]);
    }
    double sum = 0;
    for (int j = first; j <= last; j++) {
      weights[j] = Math.exp(weights[j] - max);
      sum += weights[j];
    }
    for (int j = first; j <= last; j++) {
      weights[j] /= sum;
    }
  }

  private double[] keyNorms(float[] keys) {
    int headDim = spec.headDim();
    double[] mean = new double[headDim];
    for (int i = 0; i < keys.length; i++) {
      mean[i % headDim] += (double) keys[i] / tokens;
    }
    double[] norms = new double[tokens];
    for (int i = 0; i < keys.length; i++) {
      double difference = keys[i] - mean[i % headDim];
      norms[i / headDim] += difference * difference;
    }
    for (int j = 0; j < tokens; j++) {
      norms[j] = Math.sqrt(norms[j]);
    }
    return norms;
  }
}
