package io.vquant.kernels.conformance;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.KernelBackend;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * One call of low-bit prefill attention: the last {@code rows} of {@code tokens} positions.
 *
 * @param lines for each KV head
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record PrefillCase(
    AttentionSpec spec,
    int tokens,
    int rows,
    float[] q,
    float[] k,
    float[] v,
    int[][] lines,
    long seed) {

  /** Gaussian operands, with a shared offset and an outlier channel in the keys. */
  static PrefillCase gaussian(AttentionSpec spec, int tokens, int rows, int[] lines, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int headDim = spec.headDim();
    float[] q = draw(random, tokens * spec.numQueryHeads() * headDim);
    float[] k = draw(random, tokens * spec.numKvHeads() * headDim);
    float[] v = draw(random, tokens * spec.numKvHeads() * headDim);
    for (int i = 0; i < k.length; i += headDim) {
      k[i + 3] = k[i + 3] * 4 + 9;
    }
    return new PrefillCase(spec, tokens, rows, q, k, v, forAll(spec, lines), seed);
  }

  static int[][] forAll(AttentionSpec spec, int... lines) {
    int[][] all = new int[spec.numKvHeads()][];
    Arrays.fill(all, lines);
    return all;
  }

  private static float[] draw(SplittableRandom random, int count) {
    return ValuePattern.NORMAL.draw(random, count);
  }

  PrefillCase withRows(int newRows) {
    return new PrefillCase(spec, tokens, newRows, q, k, v, lines, seed);
  }

  /** {@code [rows, numQueryHeads * headDim]}. */
  float[] run(KernelBackend backend, AttentionPrecision precision) {
    int queryColumns = spec.numQueryHeads() * spec.headDim();
    int keyColumns = spec.numKvHeads() * spec.headDim();
    float[] lastRows = Arrays.copyOfRange(q, (tokens - rows) * queryColumns, q.length);
    Activations out = Activations.output(backend, rows, queryColumns, true);
    backend
        .prefillAttention(spec, precision)
        .forward(
            out.tensor(),
            Activations.of(backend, rows, queryColumns, lastRows, true).tensor(),
            Activations.of(backend, tokens, keyColumns, k, true).tensor(),
            Activations.of(backend, tokens, keyColumns, v, false).tensor(),
            lines);
    return out.read();
  }

  /** Attention in double without any quantization, of the same rows. */
  double[] exact() {
    int group = spec.groupSize();
    int headDim = spec.headDim();
    int width = spec.numQueryHeads() * headDim;
    double[] out = new double[rows * width];
    for (int row = 0; row < rows; row++) {
      int position = tokens - rows + row;
      for (int head = 0; head < spec.numQueryHeads(); head++) {
        int kvOffset = head / group * headDim;
        double sum = 0;
        double[] weights = new double[position + 1];
        double max = Double.NEGATIVE_INFINITY;
        for (int j = spec.firstVisible(position); j <= position; j++) {
          for (int c = 0; c < headDim; c++) {
            weights[j] +=
                (double) q[position * width + head * headDim + c]
                    * k[j * spec.numKvHeads() * headDim + kvOffset + c];
          }
          weights[j] *= spec.softmaxScale();
          max = Math.max(max, weights[j]);
        }
        for (int j = spec.firstVisible(position); j <= position; j++) {
          weights[j] = Math.exp(weights[j] - max);
          sum += weights[j];
        }
        for (int j = spec.firstVisible(position); j <= position; j++) {
          for (int c = 0; c < headDim; c++) {
            out[row * width + head * headDim + c] +=
                weights[j] / sum * v[j * spec.numKvHeads() * headDim + kvOffset + c];
          }
        }
      }
    }
    return out;
  }

  @Override
  public String toString() {
    return "seed " + seed + ", " + spec + ", " + rows + " of " + tokens;
  }
}
