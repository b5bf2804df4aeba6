package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.ObservationScores;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link ObservationScores} of one KV head in vectors, over keys in {@link PrefillTiles}: first the
 * maximum and the sum of each row, then, with the products computed again, the mean weights. One
 * such object a worker.
 */
final class LineObserver {

  private static final int TILE = AttentionPrecision.TILE;
  private static final int TILE_VECTORS = TILE / LANES;
  private static final long SCORE_STRIDE = 4L * TILE;

  private final AttentionSpec spec;
  private final int group;
  private final int maxRows;
  private final float[] weights;
  private final float[] max;
  private final float[] sum;
  private float[] sums = {};

  LineObserver(AttentionSpec spec) {
    this.spec = spec;
    group = spec.groupSize();
    maxRows = Simd.roundUp(ObservationScores.ROWS * group, OuterTile.ROWS);
    weights = new float[TILE];
    max = new float[maxRows];
    sum = new float[maxRows];
  }

  long scratchByteSize() {
    return maxRows * SCORE_STRIDE;
  }

  /**
   * Scores all tokens up to the last row.
   *
   * @param scratch memory of {@link #scratchByteSize()}
   * @param queries {@code [positions * group, headDim]}, times the score scale, padded with zeros
   *     to a multiple of {@link OuterTile#ROWS} rows
   * @param firstPosition position of row 0
   * @param positions at most {@link ObservationScores#ROWS}
   * @param squared whether weights are squared
   * @return a score a token
   */
  double[] scores(
      long scratch,
      PrefillTiles tiles,
      float[] queries,
      int firstPosition,
      int positions,
      boolean squared) {
    int tokens = firstPosition + positions;
    int rows = positions * group;
    Arrays.fill(max, 0, rows, Float.NEGATIVE_INFINITY);
    Arrays.fill(sum, 0, rows, 0);
    if (sums.length < tiles.tiles() * TILE) {
      sums = new float[tiles.tiles() * TILE];
    }
    Arrays.fill(sums, 0);
    int first = spec.firstVisible(firstPosition) / TILE;
    for (int tile = first; tile * TILE < tokens; tile++) {
      products(scratch, tiles, tile, queries, firstPosition, rows);
      for (int row = 0; row < rows; row++) {
        addToRow(row, scratch + row * SCORE_STRIDE);
      }
    }
    for (int tile = first; tile * TILE < tokens; tile++) {
      products(scratch, tiles, tile, queries, firstPosition, rows);
      for (int row = 0; row < rows; row++) {
        addToTokens(tile * TILE, scratch + row * SCORE_STRIDE, max[row], 1 / sum[row], squared);
      }
    }
    return means(firstPosition, positions);
  }

  private void products(
      long scores, PrefillTiles tiles, int tile, float[] queries, int firstPosition, int rows) {
    int padded = Simd.roundUp(rows, OuterTile.ROWS);
    OuterTile.multiply(scores, padded, queries, spec.headDim(), tiles.keys(tile), TILE_VECTORS);
    for (int row = 0; row < rows; row++) {
      int position = firstPosition + row / group;
      int firstSeen = spec.firstVisible(position) - tile * TILE;
      int lastSeen = position - tile * TILE;
      for (int i = 0; i < TILE && (firstSeen > 0 || lastSeen < TILE - 1); i++) {
        if (i < firstSeen || i > lastSeen) {
          Simd.set(scores + row * SCORE_STRIDE + 4L * i, Float.NEGATIVE_INFINITY);
        }
      }
    }
  }

  private void addToRow(int row, long scores) {
    float tileMax = SoftmaxRows.max(scores);
    if (tileMax > Float.NEGATIVE_INFINITY) {
      float newMax = Math.max(max[row], tileMax);
      float kept = Exp2.of(max[row] - newMax);
      sum[row] = sum[row] * kept + SoftmaxRows.weigh(weights, 0, scores, newMax);
      max[row] = newMax;
    }
  }

  private void addToTokens(int at, long scores, float rowMax, float inverseSum, boolean squared) {
    for (int v = 0; v < TILE_VECTORS; v++) {
      FloatVector weight = Exp2.of(load(scores + (long) v * BYTES).sub(rowMax)).mul(inverseSum);
      FloatVector added = squared ? weight.mul(weight) : weight;
      int to = at + v * LANES;
      FloatVector.fromArray(FLOATS, sums, to).add(added).intoArray(sums, to);
    }
  }

  private double[] means(int firstPosition, int positions) {
    int end = firstPosition + positions;
    double[] means = new double[end];
    for (int j = 0; j < end; j++) {
      long lastSeeing = Math.min(end, (long) j + spec.slidingWindow());
      long seen = lastSeeing - Math.max(j, firstPosition);
      means[j] = seen <= 0 ? 0 : sums[j] / ((double) seen * group);
    }
    return means;
  }
}
