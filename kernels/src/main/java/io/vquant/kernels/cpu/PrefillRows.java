package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.LowBitKeys;
import io.vquant.kernels.attention.LowBitQueries;
import io.vquant.kernels.attention.ValuePrecision;
import java.util.Arrays;

/**
 * One query tile of one KV head in low-bit prefill attention: up to 64 positions, at each the whole
 * group of query heads. One such object a worker.
 */
final class PrefillRows {

  private static final int TILE = AttentionPrecision.TILE;
  private static final int TILE_VECTORS = TILE / Simd.LANES;
  private static final long SCORE_STRIDE = 4L * TILE;

  private final AttentionSpec spec;
  private final AttentionPrecision precision;
  private final int group;
  private final int headDim;
  private final int vectors;
  private final int maxRows;
  private final LowBitQueries queries;
  private final float[] weights;
  private final float[] kept;
  private final PrefillState exact;
  private final PrefillState lowBit;
  private long scores;
  private long tileOut;
  private int rows;
  private int firstPosition;

  PrefillRows(AttentionSpec spec, AttentionPrecision precision) {
    this.spec = spec;
    this.precision = precision;
    group = spec.groupSize();
    headDim = spec.headDim();
    vectors = headDim / Simd.LANES;
    maxRows = Simd.roundUp(TILE * group, OuterTile.ROWS);
    queries = new LowBitQueries(spec, precision, maxRows);
    weights = new float[maxRows * TILE];
    kept = new float[maxRows];
    exact = new PrefillState(maxRows, vectors);
    lowBit = new PrefillState(maxRows, vectors);
  }

  long scratchByteSize() {
    return maxRows * SCORE_STRIDE + 3L * maxRows * vectors * BYTES;
  }

  /**
   * Attends from the rows of some positions, all of one query tile; {@link #write} or {@link
   * #mergeInto} then takes the result.
   *
   * @param scratch memory of {@link #scratchByteSize()}
   * @param q address of the first position's query, first head of the group
   * @param qStride bytes between positions
   */
  void attend(long scratch, PrefillTiles tiles, long q, long qStride, int position, int positions) {
    scores = scratch;
    tileOut = scores + maxRows * SCORE_STRIDE;
    long outBytes = (long) maxRows * vectors * BYTES;
    firstPosition = position;
    rows = positions * group;
    loadQueries(q, qStride);
    exact.reset(tileOut + outBytes, rows);
    lowBit.reset(tileOut + 2 * outBytes, rows);
    addAll(tiles);
  }

  /** Writes the outputs, the first position's at {@code out}. */
  void write(PrefillTiles tiles, long out, long outStride) {
    for (int row = 0; row < rows; row++) {
      finish(row, out + row / group * outStride + 4L * (row % group) * headDim, tiles);
    }
  }

  /**
   * Merges the states into those of other keys ({@link AttentionState}), for values that are not
   * rounded.
   *
   * @param keys knows the mean that was subtracted here and was not from the other keys: it lowers
   *     all scores of a row by its product with the query
   */
  void mergeInto(long states, long stateStride, LowBitKeys keys) {
    for (int row = 0; row < rows; row++) {
      float product = 0;
      for (int c = 0; c < headDim; c++) {
        product = Math.fma(queries.rows()[row * headDim + c], keys.mean(c), product);
      }
      float shift = product * queries.scoreScale();
      long state = states + row * stateStride;
      exact.mergeInto(state, row, shift);
      lowBit.mergeInto(state, row, shift);
    }
  }

  /** Rows in use. */
  int rows() {
    return rows;
  }

  private void loadQueries(long q, long qStride) {
    float[] to = queries.rows();
    for (int row = 0; row < rows; row++) {
      long from = q + row / group * qStride + 4L * (row % group) * headDim;
      SoftmaxRows.scaled(to, row * headDim, from, headDim, 1);
    }
    Arrays.fill(to, rows * headDim, paddedRows() * headDim, 0);
    queries.set(paddedRows());
  }

  private int paddedRows() {
    return Simd.roundUp(rows, OuterTile.ROWS);
  }

  private void addAll(PrefillTiles tiles) {
    int last = firstPosition + (rows - 1) / group;
    int bandStart = precision.bandStart(firstPosition);
    int first = spec.firstVisible(firstPosition);
    int beforeBand = Math.min(bandStart, last + 1);
    for (int i = 0; i < tiles.lineTiles(); i++) {
      addExact(tiles, tiles.tiles() + i, i, beforeBand);
    }
    int tile = first / TILE;
    for (; tile * TILE < beforeBand; tile++) {
      addLowBit(tiles, tile);
    }
    for (; tile * TILE <= last; tile++) {
      addExact(tiles, tile, -1, Integer.MAX_VALUE);
    }
  }

  private void addLowBit(PrefillTiles tiles, int tile) {
    OuterTile.multiply(
        scores, paddedRows(), queries.codes(), headDim, tiles.codes(tile), TILE_VECTORS);
    for (int row = 0; row < rows; row++) {
      long at = scores + row * SCORE_STRIDE;
      float factor = queries.factor(row);
      finishScores(at, factor, tiles.scales(tile), tiles.bias(tile));
      maskOrdered(row, at, tile * TILE);
      kept[row] = lowBit.weigh(row, at, weights, least(row));
    }
    if (precision.value() == ValuePrecision.E4M3) {
      for (int row = 0; row < rows; row++) {
        E4M3Products.roundWeights(weights, row * TILE);
      }
      E4M3Products.multiply(tileOut, rows, weights, tiles.lowBitValues(tile), vectors);
    } else {
      OuterTile.multiply(tileOut, paddedRows(), weights, TILE, tiles.values(tile), vectors);
    }
    lowBit.add(kept, tileOut);
  }

  /**
   * Adds a tile in full precision.
   *
   * @param lineTile which tile of lines it is, or -1
   * @param end lines from here on are left to the band
   */
  private void addExact(PrefillTiles tiles, int tile, int lineTile, int end) {
    OuterTile.multiply(
        scores, paddedRows(), queries.rows(), headDim, tiles.keys(tile), TILE_VECTORS);
    for (int row = 0; row < rows; row++) {
      long at = scores + row * SCORE_STRIDE;
      finishScores(at, queries.scoreScale(), 0, tiles.exactBias(tile));
      if (lineTile < 0) {
        maskOrdered(row, at, tile * TILE);
      } else {
        maskLines(row, at, tiles, lineTile * TILE, end);
      }
      kept[row] = exact.weigh(row, at, weights, least(row));
    }
    OuterTile.multiply(tileOut, paddedRows(), weights, TILE, tiles.values(tile), vectors);
    exact.add(kept, tileOut);
  }

  /** A maximum that the other state imposes, or none. */
  private float least(int row) {
    return precision.splitSoftmax()
        ? Float.NEGATIVE_INFINITY
        : Math.max(exact.max(row), lowBit.max(row));
  }

  /** (products * factor) * scales + bias; no scales at address 0. */
  private static void finishScores(long row, float factor, long scales, long bias) {
    for (int v = 0; v < TILE_VECTORS; v++) {
      long at = (long) v * BYTES;
      var score = load(row + at).mul(factor);
      if (scales != 0) {
        score = score.mul(load(scales + at));
      }
      store(score.add(load(bias + at)), row + at);
    }
  }

  private void maskOrdered(int row, long rowScores, int tileStart) {
    int position = firstPosition + row / group;
    int first = spec.firstVisible(position) - tileStart;
    int last = position - tileStart;
    if (first <= 0 && last >= TILE - 1) {
      return;
    }
    for (int i = 0; i < TILE; i++) {
      if (i < first || i > last) {
        Simd.set(rowScores + 4L * i, Float.NEGATIVE_INFINITY);
      }
    }
  }

  private void maskLines(int row, long rowScores, PrefillTiles tiles, int firstLine, int end) {
    int position = firstPosition + row / group;
    int first = spec.firstVisible(position);
    int last = Math.min(position, end - 1);
    for (int i = 0; i < TILE; i++) {
      int line = tiles.linePosition(firstLine + i);
      if (line < first || line > last) {
        Simd.set(rowScores + 4L * i, Float.NEGATIVE_INFINITY);
      }
    }
  }

  private void finish(int row, long to, PrefillTiles tiles) {
    float max = Math.max(exact.max(row), lowBit.max(row));
    float exactFactor = exact.factor(row, max);
    float lowBitFactor = lowBit.factor(row, max);
    float sum = Math.fma(lowBit.sum(row), lowBitFactor, exact.sum(row) * exactFactor);
    for (int c = 0; c < headDim; c++) {
      float low = lowBit.out(row, c) * (tiles.valueScale(c) * lowBitFactor);
      Simd.set(to + 4L * c, Math.fma(exact.out(row, c), exactFactor, low) / sum);
    }
  }
}
