package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PlainPages;
import java.util.Arrays;

/**
 * Attention of some query rows of one KV head: consecutive positions, and at each the whole group
 * of query heads, so that an unpacked page serves them all. One such object a worker.
 *
 * <p>Row r is position {@code firstPosition + r / groupSize}, head {@code r % groupSize} of the
 * group.
 */
final class AttentionRows {

  private static final int TOKENS = PageLayout.TOKENS;

  /** Up to so many rows a page is cheaper to read in place than to unpack first. */
  private static final int FEW_ROWS = 16;

  private static final int PAGE_VECTORS = TOKENS / Simd.LANES;
  private static final long SCORE_STRIDE = 4L * TOKENS;

  private final AttentionSpec spec;
  private final PageReader reader;
  private final int maxRows;
  private final int group;
  private final int headDim;
  private final int outVectors;
  private final long outStride;
  private final float[] query;
  private final float[] weights;
  private final float[] max;
  private final float[] sum;
  private final float[] kept;

  private long keys;
  private long values;
  private long scores;
  private long out;
  private long pageOut;
  private int rows;
  private int firstPosition;

  AttentionRows(AttentionSpec spec, PageReader reader, int maxRows) {
    this.spec = spec;
    this.reader = reader;
    this.maxRows = maxRows;
    group = spec.groupSize();
    headDim = spec.headDim();
    outVectors = reader.valueVectors();
    outStride = (long) outVectors * BYTES;
    query = new float[maxRows * headDim];
    weights = new float[maxRows * TOKENS];
    max = new float[maxRows];
    sum = new float[maxRows];
    kept = new float[maxRows];
  }

  /** Bytes of scratch: one page, and scores and outputs of all rows. */
  long scratchByteSize() {
    long page = 4L * headDim * TOKENS + TOKENS * outStride;
    return page + maxRows * (SCORE_STRIDE + 2 * outStride);
  }

  /**
   * Takes up rows.
   *
   * @param scratch memory of {@link #scratchByteSize()}
   * @param q address of position {@code firstPosition}'s query, first head of the group
   * @param qStride bytes between positions
   * @param positions how many
   */
  void load(long scratch, long q, long qStride, int firstPosition, int positions) {
    this.firstPosition = firstPosition;
    rows = positions * group;
    keys = scratch;
    values = keys + 4L * headDim * TOKENS;
    scores = values + TOKENS * outStride;
    out = scores + maxRows * SCORE_STRIDE;
    pageOut = out + maxRows * outStride;
    float scale = spec.softmaxScale() * Exp2.LOG2_E;
    for (int row = 0; row < rows; row++) {
      long from = q + row / group * qStride + 4L * (row % group) * headDim;
      SoftmaxRows.scaled(query, row * headDim, from, headDim, scale);
    }
    Arrays.fill(query, rows * headDim, paddedRows() * headDim, 0);
    Arrays.fill(weights, rows * TOKENS, paddedRows() * TOKENS, 0);
  }

  private int paddedRows() {
    return Simd.roundUp(rows, OuterTile.ROWS);
  }

  /** Starts from an empty state. */
  void reset() {
    for (int row = 0; row < rows; row++) {
      max[row] = Float.NEGATIVE_INFINITY;
      sum[row] = 0;
    }
    Simd.zero(out, paddedRows() * outStride);
  }

  /** Adds the pages {@code from} to {@code to - 1} to the state. */
  void addPages(PlainPages layer, int kvHead, int from, int to) {
    int lastPosition = firstPosition + (rows - 1) / group;
    boolean inPlace = rows <= FEW_ROWS && reader.readsInPlace();
    for (int page = from; page < to; page++) {
      int visible = Math.min(TOKENS, lastPosition + 1 - page * TOKENS);
      if (inPlace) {
        addPageInPlace(layer, kvHead, page, visible);
      } else {
        addUnpackedPage(layer, kvHead, page, visible);
      }
    }
  }

  private void addPageInPlace(PlainPages layer, int kvHead, int page, int visible) {
    int padded = Simd.roundUp(rows, Bf16OuterTile.ROWS);
    reader.scoresInPlace(scores, padded, query, layer, page, kvHead);
    weighRows(page * TOKENS);
    reader.outputsInPlace(pageOut, padded, weights, layer, page, kvHead, visible);
    addPageOut();
  }

  private void addUnpackedPage(PlainPages layer, int kvHead, int page, int visible) {
    int padded = paddedRows();
    reader.keys(keys, layer, page, kvHead);
    OuterTile.multiply(scores, padded, query, headDim, keys, PAGE_VECTORS);
    weighRows(page * TOKENS);
    reader.values(values, layer, page, kvHead, visible);
    OuterTile.multiply(pageOut, padded, weights, TOKENS, values, outVectors);
    addPageOut();
  }

  private void weighRows(int pageStart) {
    for (int row = 0; row < rows; row++) {
      mask(row, pageStart);
      weigh(row);
    }
  }

  private void addPageOut() {
    for (int row = 0; row < rows; row++) {
      long at = row * outStride;
      SoftmaxRows.merge(out + at, kept[row], pageOut + at, 1, outVectors);
    }
  }

  private void mask(int row, int pageStart) {
    int position = firstPosition + row / group;
    int first = spec.firstVisible(position) - pageStart;
    int last = position - pageStart;
    if (first <= 0 && last >= TOKENS - 1) {
      return;
    }
    long rowScores = scores + row * SCORE_STRIDE;
    for (int column = 0; column < TOKENS; column++) {
      int token = reader.tokenAt(column);
      if (token < first || token > last) {
        Simd.set(rowScores + 4L * column, Float.NEGATIVE_INFINITY);
      }
    }
  }

  private void weigh(int row) {
    long rowScores = scores + row * SCORE_STRIDE;
    float pageMax = SoftmaxRows.max(rowScores);
    if (pageMax == Float.NEGATIVE_INFINITY) {
      Arrays.fill(weights, row * TOKENS, (row + 1) * TOKENS, 0);
      kept[row] = 1;
      return;
    }
    float newMax = Math.max(max[row], pageMax);
    kept[row] = Exp2.of(max[row] - newMax);
    float pageSum = SoftmaxRows.weigh(weights, row * TOKENS, rowScores, newMax);
    sum[row] = sum[row] * kept[row] + pageSum;
    max[row] = newMax;
  }

  /** Writes the state of every row. */
  void saveStates(long states, long stateStride) {
    for (int row = 0; row < rows; row++) {
      long rowOut = out + row * outStride;
      AttentionState.write(states + row * stateStride, sum[row], max[row], rowOut, outVectors);
    }
  }

  /** Merges the state of every row into one written earlier. */
  void mergeStates(long states, long stateStride) {
    for (int row = 0; row < rows; row++) {
      long rowOut = out + row * outStride;
      AttentionState.merge(states + row * stateStride, sum[row], max[row], rowOut, outVectors);
    }
  }
}
