package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.GroupEncoding;
import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.PageLayout;

/**
 * Attention of the rows of one KV head to one span of up to {@link #TILES} tiles or pages: all
 * scores first, then one softmax, then the values. Leaves a state per row ({@link AttentionState}).
 * One such object a worker.
 */
final class LineSpan {

  /** Tiles and pages of a span. */
  static final int TILES = 8;

  private static final int TOKENS = PageLayout.TOKENS;
  private static final long ROW_BYTES = 4L * TOKENS;

  private final int headDim;
  private final int maxRows;
  private final KvPageLayout pageLayout;
  private final PackedKeys packedKeys;
  private final PackedValues packedValues;
  private final PlainTile plainTile;
  private final LineMask mask;
  private final float[] max;
  private final float[] sum;
  private final float[] lanes = new float[LaneTree.LANES];
  private final long outStride;

  private long scores;
  private long weights;
  private long out;

  LineSpan(AttentionSpec spec, KvPageLayout pageLayout, int maxRows) {
    this.pageLayout = pageLayout;
    this.maxRows = Simd.roundUp(maxRows, OuterTile.ROWS);
    headDim = spec.headDim();
    packedKeys = new PackedKeys(keyLayout(pageLayout), maxRows);
    packedValues = new PackedValues(valueLayout(pageLayout), maxRows);
    plainTile = new PlainTile(headDim, maxRows);
    mask = new LineMask(spec);
    max = new float[this.maxRows];
    sum = new float[this.maxRows];
    outStride = (long) outVectors(headDim) * Simd.BYTES;
  }

  static GroupLayout keyLayout(KvPageLayout layout) {
    return ((GroupEncoding) layout.format().keys()).layout(KvSide.KEYS, layout.headDim());
  }

  private static GroupLayout valueLayout(KvPageLayout layout) {
    return ((GroupEncoding) layout.format().values()).layout(KvSide.VALUES, layout.headDim());
  }

  /** Vectors of an output row in a state. */
  static int outVectors(int headDim) {
    return headDim / Simd.LANES;
  }

  /** Bytes of the scores of {@code tiles} tiles. */
  static long scoresByteSize(int paddedRows, int tiles) {
    return (long) tiles * paddedRows * ROW_BYTES;
  }

  long scratchByteSize() {
    return packedKeys.scratchByteSize()
        + packedValues.scratchByteSize()
        + plainTile.scratchByteSize()
        + 2 * scoresByteSize(maxRows, TILES)
        + maxRows * outStride;
  }

  void useScratch(long scratch) {
    scores = scratch;
    weights = scores + scoresByteSize(maxRows, TILES);
    out = weights + scoresByteSize(maxRows, TILES);
    long kernels = out + maxRows * outStride;
    packedKeys.useScratch(kernels);
    packedValues.useScratch(kernels + packedKeys.scratchByteSize());
    plainTile.useScratch(kernels + packedKeys.scratchByteSize() + packedValues.scratchByteSize());
  }

  /** Where scores may be written that nobody needs later. */
  long ownScores() {
    return scores;
  }

  /** Attends to the packed pages {@code from} to {@code to - 1}. */
  void attendPages(LineKvLayer layer, int kvHead, QueryRows q, int from, int to) {
    long tileBytes = scoresByteSize(q.paddedRows(), 1);
    long[] lineMasks = layer.lineMasks(kvHead);
    for (int page = from; page < to; page++) {
      long at = scores + (page - from) * tileBytes;
      long address = layer.packedPage(page).address();
      packedKeys.scores(at, q, address + pageLayout.keysOffset(kvHead));
      packedValues.fetch(page - from, address + pageLayout.valuesOffset(kvHead));
      mask.page(at, q, page * TOKENS, lineMasks[page]);
    }
    clearOut(q.rows());
    if (!weigh(scores, q, to - from)) {
      return;
    }
    packedValues.begin(q.rows());
    for (int page = from; page < to; page++) {
      long values = layer.packedPage(page).address() + pageLayout.valuesOffset(kvHead);
      int tile = page - from;
      packedValues.add(out, outStride, weights + tile * tileBytes, q.rows(), tile, values);
    }
    packedValues.end(out, outStride, q.rows());
  }

  /** Attends to the slab; leaves its scores at {@code at}, tile after tile. */
  void attendSlab(LineKvLayer layer, int kvHead, QueryRows q, long at) {
    int count = layer.slabRows(kvHead);
    int tiles = Math.ceilDiv(count, TOKENS);
    slabScores(layer, kvHead, q, at);
    clearOut(q.rows());
    if (!weigh(at, q, tiles)) {
      return;
    }
    long offset = layer.tileLayout().valuesOffset(kvHead);
    long tileBytes = scoresByteSize(q.paddedRows(), 1);
    for (int tile = 0; tile < tiles; tile++) {
      int tokens = Math.min(TOKENS, count - tile * TOKENS);
      long values = layer.slabTile(tile).address() + offset;
      plainTile.add(out, outStride, weights + tile * tileBytes, q.rows(), values, tokens);
    }
  }

  /** Writes the masked scores of the slab, {@code [tiles, q.paddedRows(), 64]}. */
  void slabScores(LineKvLayer layer, int kvHead, QueryRows q, long at) {
    long offset = layer.tileLayout().keysOffset(kvHead);
    long tileBytes = scoresByteSize(q.paddedRows(), 1);
    for (int tile = 0; tile * TOKENS < layer.slabRows(kvHead); tile++) {
      long to = at + tile * tileBytes;
      plainTile.scores(to, q, layer.slabTile(tile).address() + offset);
      mask.slab(to, q, layer, kvHead, tile * TOKENS);
    }
  }

  /** Attends to the hot tiles {@code from} to {@code to - 1}; leaves their scores at {@code at}. */
  void attendHot(LineKvLayer layer, int kvHead, QueryRows q, int from, int to, long at) {
    hotScores(layer, kvHead, q, from, to, at);
    clearOut(q.rows());
    if (!weigh(at, q, to - from)) {
      return;
    }
    long offset = layer.tileLayout().valuesOffset(kvHead);
    long tileBytes = scoresByteSize(q.paddedRows(), 1);
    for (int tile = from; tile < to; tile++) {
      int tokens = Math.min(TOKENS, layer.length() - layer.hotStart() - tile * TOKENS);
      long values = layer.hotTile(tile).address() + offset;
      plainTile.add(out, outStride, weights + (tile - from) * tileBytes, q.rows(), values, tokens);
    }
  }

  /** The maxima and sums of weights that {@link #attendHot} finds, and no values. */
  void weighHot(LineKvLayer layer, int kvHead, QueryRows q, int from, int to) {
    hotScores(layer, kvHead, q, from, to, scores);
    weigh(scores, q, to - from);
  }

  /** Writes the masked scores of hot tiles, {@code [tiles, q.paddedRows(), 64]}. */
  void hotScores(LineKvLayer layer, int kvHead, QueryRows q, int from, int to, long at) {
    long offset = layer.tileLayout().keysOffset(kvHead);
    long tileBytes = scoresByteSize(q.paddedRows(), 1);
    for (int tile = from; tile < to; tile++) {
      long target = at + (tile - from) * tileBytes;
      plainTile.scores(target, q, layer.hotTile(tile).address() + offset);
      mask.tile(target, q, layer.hotStart() + tile * TOKENS);
    }
  }

  private void clearOut(int rows) {
    Simd.zero(out, rows * outStride);
  }

  /** Softmax of all rows; false if none of them sees anything. */
  private boolean weigh(long from, QueryRows q, int tiles) {
    long stride = scoresByteSize(q.paddedRows(), 1);
    boolean any = false;
    for (int row = 0; row < q.rows(); row++) {
      long at = from + row * ROW_BYTES;
      long to = weights + row * ROW_BYTES;
      float rowMax = SpanSoftmax.max(at, stride, tiles);
      max[row] = rowMax;
      if (rowMax > Float.NEGATIVE_INFINITY) {
        any = true;
        SpanSoftmax.weigh(to, at, stride, tiles, rowMax, lanes);
        sum[row] = LaneTree.sum(lanes, 0);
      } else {
        hideRow(to, stride, tiles);
        sum[row] = 0;
      }
    }
    return any;
  }

  private static void hideRow(long to, long stride, int tiles) {
    for (int tile = 0; tile < tiles; tile++) {
      Simd.zero(to + tile * stride, ROW_BYTES);
    }
  }

  /** Writes the state of every row. */
  void saveStates(long states, long stateStride, int rows) {
    int vectors = outVectors(headDim);
    for (int row = 0; row < rows; row++) {
      long rowOut = out + row * outStride;
      AttentionState.write(states + row * stateStride, sum[row], max[row], rowOut, vectors);
    }
  }

  /** Merges the state of every row into one written earlier. */
  void mergeStates(long states, long stateStride, int rows) {
    merge(states, stateStride, rows, outVectors(headDim));
  }

  /** The same but for the outputs. */
  void mergeTotals(long states, long stateStride, int rows) {
    merge(states, stateStride, rows, 0);
  }

  private void merge(long states, long stateStride, int rows, int vectors) {
    for (int row = 0; row < rows; row++) {
      long rowOut = out + row * outStride;
      AttentionState.merge(states + row * stateStride, sum[row], max[row], rowOut, vectors);
    }
  }
}
