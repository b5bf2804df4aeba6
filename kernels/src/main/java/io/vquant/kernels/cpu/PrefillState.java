package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;

import io.vquant.kernels.attention.AttentionPrecision;
import java.util.Arrays;

/** The online softmax states, in base 2, of the rows of a query tile over some of their keys. */
final class PrefillState {

  private static final int TILE = AttentionPrecision.TILE;

  private final int vectors;
  private final float[] max;
  private final float[] sum;
  private long out;
  private int rows;

  PrefillState(int maxRows, int vectors) {
    this.vectors = vectors;
    max = new float[maxRows];
    sum = new float[maxRows];
  }

  /** No keys yet; outputs of {@code rowCount} rows will lie at {@code outputs}. */
  void reset(long outputs, int rowCount) {
    out = outputs;
    rows = rowCount;
    Arrays.fill(max, 0, rows, Float.NEGATIVE_INFINITY);
    Arrays.fill(sum, 0, rows, 0);
    Simd.zero(out, (long) rows * vectors * BYTES);
  }

  float max(int row) {
    return max[row];
  }

  float sum(int row) {
    return sum[row];
  }

  float out(int row, int channel) {
    return Simd.get(out + (long) row * vectors * BYTES + 4L * channel);
  }

  /** What brings a row from its own maximum to a larger one. */
  float factor(int row, float newMax) {
    return Exp2.of(max[row] - newMax);
  }

  /**
   * Turns a row's 64 scores into weights, which are counted.
   *
   * @param least the maximum is at least this afterwards, if there is any score
   * @return what the row's output is to be multiplied by before the tile's is added
   */
  float weigh(int row, long scores, float[] weights, float least) {
    float tileMax = SoftmaxRows.max(scores);
    if (tileMax == Float.NEGATIVE_INFINITY) {
      Arrays.fill(weights, row * TILE, (row + 1) * TILE, 0);
      return 1;
    }
    float newMax = Math.max(Math.max(max[row], least), tileMax);
    float kept = factor(row, newMax);
    sum[row] = sum[row] * kept + SoftmaxRows.weigh(weights, row * TILE, scores, newMax);
    max[row] = newMax;
    return kept;
  }

  /** Adds the tile's outputs {@code [rows, vectors]} to those so far, which {@code kept} scales. */
  void add(float[] kept, long tileOut) {
    for (int row = 0; row < rows; row++) {
      long at = (long) row * vectors * BYTES;
      SoftmaxRows.merge(out + at, kept[row], tileOut + at, 1, vectors);
    }
  }

  /** Merges a row into an {@link AttentionState}, its maximum raised by {@code shift}. */
  void mergeInto(long state, int row, float shift) {
    long rowOut = out + (long) row * vectors * BYTES;
    AttentionState.merge(state, sum[row], max[row] + shift, rowOut, vectors);
  }
}
