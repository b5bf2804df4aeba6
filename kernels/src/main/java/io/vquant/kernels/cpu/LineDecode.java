package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.LineScores;
import io.vquant.kernels.kvcache.PageLayout;

/**
 * Attention of one position: blocks of a span and a KV head, so that all cores have work and keys
 * and values are read once for the whole group; then the states of a head's spans are merged in
 * order. Scores of slab and hot tokens are kept until the row's maximum and sum are known, which
 * turns them into line scores.
 */
final class LineDecode {

  private static final int TOKENS = PageLayout.TOKENS;

  private final CpuContext context;
  private final AttentionSpec spec;
  private final LineOperands operands;
  private final int outVectors;
  private final long stateStride;
  private final LineSpan[] spans;
  private final QueryRows[] queries;
  private final float[] channels;
  private final long tileBytes;
  private final ParallelTask spanTask = this::attendSpan;

  private long states;
  private long slabScores;
  private long hotScores;
  private int hotTiles;
  private int firstPage;
  private int pageSpans;
  private int firstTile;
  private int hotSpans;

  LineDecode(
      CpuContext context, AttentionSpec spec, KvPageLayout pageLayout, LineOperands operands) {
    this.context = context;
    this.spec = spec;
    this.operands = operands;
    outVectors = LineSpan.outVectors(spec.headDim());
    stateStride = AttentionState.byteSize(outVectors);
    channels = new float[spec.headDim()];
    spans = new LineSpan[context.pool().threads()];
    for (int i = 0; i < spans.length; i++) {
      spans[i] = new LineSpan(spec, pageLayout, spec.groupSize());
    }
    queries = new QueryRows[spec.numKvHeads()];
    for (int i = 0; i < queries.length; i++) {
      queries[i] = new QueryRows(spec, LineSpan.keyLayout(pageLayout), spec.groupSize());
    }
    int paddedRows = Simd.roundUp(spec.groupSize(), OuterTile.ROWS);
    tileBytes = LineSpan.scoresByteSize(paddedRows, 1);
  }

  void run() {
    for (int kvHead = 0; kvHead < spec.numKvHeads(); kvHead++) {
      operands.load(queries[kvHead], kvHead, 0, 1);
    }
    plan();
    context.pool().run(spanTask, parts() * spec.numKvHeads());
    long total = states + (long) parts() * spec.numQueryHeads() * stateStride;
    boolean observed = operands.startPosition() >= operands.layer().observedFrom();
    for (int head = 0; head < spec.numQueryHeads(); head++) {
      AttentionState.clear(total, outVectors);
      int kvHead = head / spec.groupSize();
      int row = head % spec.groupSize();
      for (int part = 0; part < parts(); part++) {
        AttentionState.merge(total, partState(part, kvHead) + row * stateStride, outVectors);
      }
      operands.finish(total, 0, head, channels);
      if (observed) {
        observe(kvHead, row, Simd.get(total + 4), Simd.get(total));
      }
    }
  }

  private void plan() {
    LineKvLayer layer = operands.layer();
    int position = operands.startPosition();
    firstPage = operands.firstPage(position);
    boolean hasPages = firstPage < layer.packedPages();
    pageSpans =
        hasPages ? (layer.packedPages() - 1) / LineSpan.TILES - firstPage / LineSpan.TILES + 1 : 0;
    firstTile = operands.firstHotTile(position);
    hotTiles = operands.hotTile(position) + 1 - firstTile;
    int firstHotPage = layer.packedPages() + firstTile;
    hotSpans = (position / TOKENS) / LineSpan.TILES - firstHotPage / LineSpan.TILES + 1;
    long stateBytes = ((long) parts() * spec.numQueryHeads() + 1) * stateStride;
    long slabBytes = (long) spec.numKvHeads() * LineSpan.TILES * tileBytes;
    long hotBytes = (long) spec.numKvHeads() * hotTiles * tileBytes;
    states = context.sharedScratch(stateBytes + slabBytes + hotBytes);
    slabScores = states + stateBytes;
    hotScores = slabScores + slabBytes;
  }

  /** Spans of a head: packed pages, slab, hot tiles. */
  private int parts() {
    return pageSpans + 1 + hotSpans;
  }

  private long partState(int part, int kvHead) {
    return states + ((long) part * spec.numKvHeads() + kvHead) * spec.groupSize() * stateStride;
  }

  private long slabScoresOf(int kvHead) {
    return slabScores + (long) kvHead * LineSpan.TILES * tileBytes;
  }

  /** Scores of a hot tile, counted from the first that is visible. */
  private long hotScoresOf(int kvHead, int tile) {
    return hotScores + ((long) kvHead * hotTiles + tile - firstTile) * tileBytes;
  }

  private void attendSpan(int block, int worker) {
    int kvHead = block % spec.numKvHeads();
    int part = block / spec.numKvHeads();
    LineSpan span = spans[worker];
    span.useScratch(context.workerScratch(worker, span.scratchByteSize()));
    QueryRows q = queries[kvHead];
    LineKvLayer layer = operands.layer();
    if (part < pageSpans) {
      int spanStart = (firstPage / LineSpan.TILES + part) * LineSpan.TILES;
      int to = Math.min(layer.packedPages(), spanStart + LineSpan.TILES);
      span.attendPages(layer, kvHead, q, Math.max(firstPage, spanStart), to);
    } else if (part == pageSpans) {
      span.attendSlab(layer, kvHead, q, slabScoresOf(kvHead));
    } else {
      int firstHotPage = layer.packedPages() + firstTile;
      int index = firstHotPage / LineSpan.TILES + part - pageSpans - 1;
      int spanStart = index * LineSpan.TILES - layer.packedPages();
      int from = Math.max(firstTile, spanStart);
      int to = Math.min(firstTile + hotTiles, spanStart + LineSpan.TILES);
      span.attendHot(layer, kvHead, q, from, to, hotScoresOf(kvHead, from));
    }
    span.saveStates(partState(part, kvHead), stateStride, q.rows());
  }

  private void observe(int kvHead, int row, float max, float sum) {
    LineKvLayer layer = operands.layer();
    LineScores scores = layer.scores();
    boolean squares = operands.observesSquares();
    long rowOffset = 4L * row * TOKENS;
    int count = layer.slabRows(kvHead);
    for (int first = 0; first < count; first += TOKENS) {
      long from = slabScoresOf(kvHead) + first / TOKENS * tileBytes + rowOffset;
      int tokens = Math.min(TOKENS, count - first);
      int at = scores.slabIndex(kvHead) + first;
      SpanSoftmax.observe(scores.slabSums(), at, from, tokens, max, sum, squares);
    }
    int old = operands.startPosition() - LineScores.MIN_AGE - layer.hotStart();
    for (int tile = firstTile; tile < firstTile + hotTiles; tile++) {
      int tokens = Math.clamp(old - tile * TOKENS, 0, TOKENS);
      int at = scores.hotIndex(kvHead) + tile * TOKENS;
      long from = hotScoresOf(kvHead, tile) + rowOffset;
      SpanSoftmax.observe(scores.hotSums(), at, from, tokens, max, sum, squares);
    }
  }
}
