package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.LineScores;
import io.vquant.kernels.kvcache.PageLayout;

/**
 * Attention of many positions. First blocks of a tile of rows and a KV head, each over all spans;
 * then, of the rows that the layer observes, the attention weights of slab and hot tokens, computed
 * again now that each row's maximum and sum are known, in blocks of a span and a KV head: so a
 * token's sum grows row by row, whoever computes it.
 */
final class LinePrefill {

  private static final int TILE_ROWS = 64;
  private static final int TOKENS = PageLayout.TOKENS;

  private final CpuContext context;
  private final AttentionSpec spec;
  private final LineOperands operands;
  private final int tilePositions;
  private final int outVectors;
  private final long stateStride;
  private final LineSpan[] spans;
  private final QueryRows[] queries;
  private final float[][] channels;
  private final ParallelTask tileTask = this::attendTile;
  private final ParallelTask totalsTask = this::totalTile;
  private final ParallelTask observerTask = this::observeSpan;
  private float[] rowMax = {};
  private float[] rowSum = {};
  private int firstObserved;

  LinePrefill(
      CpuContext context, AttentionSpec spec, KvPageLayout pageLayout, LineOperands operands) {
    this.context = context;
    this.spec = spec;
    this.operands = operands;
    tilePositions = Math.max(1, TILE_ROWS / spec.groupSize());
    outVectors = LineSpan.outVectors(spec.headDim());
    stateStride = AttentionState.byteSize(outVectors);
    int threads = context.pool().threads();
    spans = new LineSpan[threads];
    queries = new QueryRows[threads];
    channels = new float[threads][spec.headDim()];
    int maxRows = tilePositions * spec.groupSize();
    for (int i = 0; i < threads; i++) {
      spans[i] = new LineSpan(spec, pageLayout, maxRows);
      queries[i] = new QueryRows(spec, LineSpan.keyLayout(pageLayout), maxRows);
    }
  }

  void run() {
    runTiles(tileTask);
    observe();
  }

  /** Observes rows over a layer that has packed nothing, and leaves their outputs alone. */
  void runObserversOnly() {
    runTiles(totalsTask);
    observe();
  }

  private void runTiles(ParallelTask task) {
    int rows = operands.positions() * spec.numQueryHeads();
    if (rowMax.length < rows) {
      rowMax = new float[rows];
      rowSum = new float[rows];
    }
    int tiles = Math.ceilDiv(operands.positions(), tilePositions);
    context.pool().run(task, tiles * spec.numKvHeads());
  }

  private void observe() {
    LineKvLayer layer = operands.layer();
    firstObserved = Math.max(0, layer.observedFrom() - operands.startPosition());
    if (firstObserved < operands.positions()) {
      context.pool().run(observerTask, observedSpans() * spec.numKvHeads());
    }
  }

  private void attendTile(int block, int worker) {
    Tile tile = tileOf(block);
    LineSpan span = spans[worker];
    QueryRows q = queries[worker];
    long totals = begin(tile, worker, outVectors);
    attendAll(span, tile.kvHead, q, totals);
    for (int row = 0; row < q.rows(); row++) {
      int position = tile.first + row / spec.groupSize();
      int head = tile.kvHead * spec.groupSize() + row % spec.groupSize();
      operands.finish(totals + row * stateStride, position, head, channels[worker]);
    }
    keepTotals(tile, q.rows(), totals);
  }

  /** Each row's maximum and sum of weights, and no values. */
  private void totalTile(int block, int worker) {
    Tile tile = tileOf(block);
    LineSpan span = spans[worker];
    QueryRows q = queries[worker];
    long totals = begin(tile, worker, 0);
    int end = operands.hotTile(q.position(q.rows() - 1)) + 1;
    for (int from = operands.firstHotTile(q.position(0)); from < end; ) {
      int to = Math.min(end, operands.hotSpanEnd(from));
      span.weighHot(operands.layer(), tile.kvHead, q, from, to);
      span.mergeTotals(totals, stateStride, q.rows());
      from = to;
    }
    keepTotals(tile, q.rows(), totals);
  }

  /** Positions of a KV head, counted from the first of the call. */
  private record Tile(int kvHead, int first, int count) {}

  /** The last tiles see the most keys: they go first, so that the work ends evenly. */
  private Tile tileOf(int block) {
    int tile = Math.ceilDiv(operands.positions(), tilePositions) - 1 - block / spec.numKvHeads();
    int first = tile * tilePositions;
    int count = Math.min(tilePositions, operands.positions() - first);
    return new Tile(block % spec.numKvHeads(), first, count);
  }

  /** Takes up a tile's queries; returns where the states of its rows are, all empty. */
  private long begin(Tile tile, int worker, int vectors) {
    LineSpan span = spans[worker];
    int rows = tile.count * spec.groupSize();
    long totals = context.workerScratch(worker, rows * stateStride + span.scratchByteSize());
    span.useScratch(totals + rows * stateStride);
    operands.load(queries[worker], tile.kvHead, tile.first, tile.count);
    for (int row = 0; row < rows; row++) {
      AttentionState.clear(totals + row * stateStride, vectors);
    }
    return totals;
  }

  private void keepTotals(Tile tile, int rows, long totals) {
    for (int row = 0; row < rows; row++) {
      int position = tile.first + row / spec.groupSize();
      int head = tile.kvHead * spec.groupSize() + row % spec.groupSize();
      long state = totals + row * stateStride;
      rowSum[position * spec.numQueryHeads() + head] = Simd.get(state);
      rowMax[position * spec.numQueryHeads() + head] = Simd.get(state + 4);
    }
  }

  private void attendAll(LineSpan span, int kvHead, QueryRows q, long totals) {
    LineKvLayer layer = operands.layer();
    int firstPosition = q.position(0);
    int lastPosition = q.position(q.rows() - 1);
    for (int page = operands.firstPage(firstPosition); page < layer.packedPages(); ) {
      int end = Math.min(layer.packedPages(), LineOperands.spanEnd(page));
      span.attendPages(layer, kvHead, q, page, end);
      span.mergeStates(totals, stateStride, q.rows());
      page = end;
    }
    if (layer.slabRows(kvHead) > 0) {
      span.attendSlab(layer, kvHead, q, span.ownScores());
      span.mergeStates(totals, stateStride, q.rows());
    }
    int hotEnd = operands.hotTile(lastPosition) + 1;
    for (int tile = operands.firstHotTile(firstPosition); tile < hotEnd; ) {
      int end = Math.min(hotEnd, operands.hotSpanEnd(tile));
      span.attendHot(layer, kvHead, q, tile, end, span.ownScores());
      span.mergeStates(totals, stateStride, q.rows());
      tile = end;
    }
  }

  /** The slab, and spans of hot tiles up to the last token that is old enough. */
  private int observedSpans() {
    LineKvLayer layer = operands.layer();
    int lastPosition = operands.startPosition() + operands.positions() - 1;
    int lastCounted = lastPosition - LineScores.MIN_AGE - 1;
    if (lastCounted < layer.hotStart()) {
      return 1;
    }
    int first = layer.packedPages() / LineSpan.TILES;
    int last = lastCounted / TOKENS / LineSpan.TILES;
    return 1 + last - first + 1;
  }

  private void observeSpan(int block, int worker) {
    int kvHead = block % spec.numKvHeads();
    int index = block / spec.numKvHeads() - 1;
    LineSpan span = spans[worker];
    QueryRows q = queries[worker];
    span.useScratch(context.workerScratch(worker, span.scratchByteSize()));
    for (int first = firstObserved; first < operands.positions(); first += tilePositions) {
      operands.load(q, kvHead, first, Math.min(tilePositions, operands.positions() - first));
      if (index < 0) {
        observeSlab(span, kvHead, q);
      } else {
        observeHot(span, kvHead, q, index);
      }
    }
  }

  private void observeSlab(LineSpan span, int kvHead, QueryRows q) {
    LineKvLayer layer = operands.layer();
    span.slabScores(layer, kvHead, q, span.ownScores());
    LineScores scores = layer.scores();
    int count = layer.slabRows(kvHead);
    for (int tile = 0; tile * TOKENS < count; tile++) {
      int at = scores.slabIndex(kvHead) + tile * TOKENS;
      int tokens = Math.min(TOKENS, count - tile * TOKENS);
      for (int row = 0; row < q.rows(); row++) {
        observeRow(scores.slabSums(), at, span.ownScores(), tile, q, kvHead, row, tokens);
      }
    }
  }

  private void observeHot(LineSpan span, int kvHead, QueryRows q, int index) {
    LineKvLayer layer = operands.layer();
    LineScores scores = layer.scores();
    int firstPage = (layer.packedPages() / LineSpan.TILES + index) * LineSpan.TILES;
    int from = Math.max(0, firstPage - layer.packedPages());
    int last = operands.hotTile(q.position(q.rows() - 1));
    int to = Math.min(last + 1, firstPage + LineSpan.TILES - layer.packedPages());
    if (from >= to) {
      return;
    }
    span.hotScores(layer, kvHead, q, from, to, span.ownScores());
    for (int tile = from; tile < to; tile++) {
      int at = scores.hotIndex(kvHead) + tile * TOKENS;
      int tileStart = layer.hotStart() + tile * TOKENS;
      for (int row = 0; row < q.rows(); row++) {
        int old = q.position(row) - LineScores.MIN_AGE - tileStart;
        int tokens = Math.clamp(old, 0, TOKENS);
        observeRow(scores.hotSums(), at, span.ownScores(), tile - from, q, kvHead, row, tokens);
      }
    }
  }

  private void observeRow(
      float[] sums, int at, long scores, int tile, QueryRows q, int kvHead, int row, int tokens) {
    int position = q.position(row) - operands.startPosition();
    int head = kvHead * spec.groupSize() + row % spec.groupSize();
    int index = position * spec.numQueryHeads() + head;
    long from = scores + LineSpan.scoresByteSize(q.paddedRows(), tile) + 4L * row * TOKENS;
    boolean squares = operands.observesSquares();
    SpanSoftmax.observe(sums, at, from, tokens, rowMax[index], rowSum[index], squares);
  }
}
