package io.vquant.kernels.reference;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;

/**
 * Causal attention of plain matrices in double, never rounded: what the error of every other
 * attention is measured against. Heads are independent, so that callers may divide them among
 * threads.
 */
public final class Float64Attention {

  /** Keys whose scores are kept in the first-level cache while all channels are added. */
  private static final int BLOCK = 256;

  private final AttentionSpec spec;
  private final Tensor q;
  private final double[][] keyChannels;
  private final double[] values;
  private final int kvHead;

  /**
   * Unpacks one KV head.
   *
   * @param q {@code [rows, numQueryHeads * headDim]}: the last positions
   * @param k {@code [tokens, numKvHeads * headDim]}
   * @param v the same shape
   */
  public Float64Attention(AttentionSpec spec, int kvHead, Tensor q, Tensor k, Tensor v) {
    this.spec = spec;
    this.q = q;
    this.kvHead = kvHead;
    int headDim = spec.headDim();
    keyChannels = new double[headDim][k.rows()];
    values = new double[k.rows() * headDim];
    for (int token = 0; token < k.rows(); token++) {
      for (int c = 0; c < headDim; c++) {
        keyChannels[c][token] = Elements.get(k, token, kvHead * headDim + c);
        values[token * headDim + c] = Elements.get(v, token, kvHead * headDim + c);
      }
    }
  }

  /**
   * Attends from every row of one query head of the group.
   *
   * @param headInGroup 0 to the group's size
   * @return {@code [rows, headDim]}
   */
  public double[] rows(int headInGroup) {
    int headDim = spec.headDim();
    double[] out = new double[q.rows() * headDim];
    double[] weights = new double[tokens()];
    for (int row = 0; row < q.rows(); row++) {
      weights(weights, headInGroup, row);
      int position = position(row);
      for (int j = spec.firstVisible(position); j <= position; j++) {
        for (int c = 0; c < headDim; c++) {
          out[row * headDim + c] += weights[j] * values[j * headDim + c];
        }
      }
    }
    return out;
  }

  /**
   * The softmax weights of one row.
   *
   * @param weights at least as long as the tokens; those that the row does not see stay as they are
   */
  public void weights(double[] weights, int headInGroup, int row) {
    int headDim = spec.headDim();
    int column = (kvHead * spec.groupSize() + headInGroup) * headDim;
    double[] query = new double[headDim];
    for (int c = 0; c < headDim; c++) {
      query[c] = Elements.get(q, row, column + c) * (double) spec.softmaxScale();
    }
    int position = position(row);
    int first = spec.firstVisible(position);
    double sum = softmax(weights, query, first, position + 1);
    for (int j = first; j <= position; j++) {
      weights[j] /= sum;
    }
  }

  private int tokens() {
    return keyChannels[0].length;
  }

  /** The position of a row's query. */
  public int position(int row) {
    return tokens() - q.rows() + row;
  }

  private double softmax(double[] weights, double[] query, int first, int end) {
    for (int from = first; from < end; from += BLOCK) {
      addProducts(weights, query, from, Math.min(end, from + BLOCK));
    }
    double max = Double.NEGATIVE_INFINITY;
    for (int j = first; j < end; j++) {
      max = Math.max(max, weights[j]);
    }
    double sum = 0;
    for (int j = first; j < end; j++) {
      weights[j] = Math.exp(weights[j] - max);
      sum += weights[j];
    }
    return sum;
  }

  private void addProducts(double[] scores, double[] query, int from, int to) {
    Arrays.fill(scores, from, to, 0);
    for (int c = 0; c < query.length; c++) {
      double factor = query[c];
      double[] channel = keyChannels[c];
      for (int j = from; j < to; j++) {
        scores[j] += factor * channel[j];
      }
    }
  }
}
