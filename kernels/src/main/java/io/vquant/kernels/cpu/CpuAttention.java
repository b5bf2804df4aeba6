package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PlainPages;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/**
 * Causal attention over the pages of a cache. Keys are taken in spans of {@link #SPAN_PAGES} pages,
 * each with a softmax of its own, merged in order. With many rows a block of work is a tile of rows
 * over all its spans; with one position it is one span of one KV head, so that both cores have
 * work. The arithmetic of a row is the same in both.
 */
final class CpuAttention implements AttentionOperator {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final int SPAN_PAGES = 8;
  private static final int TILE_ROWS = 64;

  private final CpuContext context;
  private final AttentionSpec spec;
  private final PageLayout pageLayout;
  private final PageReader reader;
  private final int tilePositions;
  private final AttentionRows[] workers;
  private final long stateStride;
  private final ParallelTask tileTask = this::prefillTile;
  private final ParallelTask spanTask = this::decodeSpan;

  private PlainPages layer;
  private long query;
  private long queryStride;
  private long output;
  private long outputStride;
  private int startPosition;
  private int positions;
  private long states;
  private int firstSpan;
  private int spans;

  CpuAttention(CpuContext context, AttentionSpec spec, DType cacheType) {
    this.context = context;
    this.spec = spec;
    pageLayout = new PageLayout(spec.numKvHeads(), spec.headDim(), cacheType);
    reader = new PageReader(pageLayout);
    tilePositions = Math.max(1, TILE_ROWS / spec.groupSize());
    workers = new AttentionRows[context.pool().threads()];
    int maxRows = Simd.roundUp(tilePositions * spec.groupSize(), OuterTile.ROWS);
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new AttentionRows(spec, reader, maxRows);
    }
    stateStride = AttentionState.byteSize(reader.valueVectors());
  }

  @Override
  public void forward(Tensor out, Tensor q, KvLayer kv, int start) {
    if (!(kv instanceof PlainPages pages)) {
      throw new IllegalArgumentException("KV layer " + kv + ": expected pages of " + pageLayout);
    }
    forward(out, q, pages, start);
  }

  /** Attention over pages that are not a layer of their own. */
  void forward(Tensor out, Tensor q, PlainPages pages, int start) {
    int columns = spec.numQueryHeads() * spec.headDim();
    Operands.require("q", q, q.rows(), columns);
    Operands.require("out", out, q.rows(), columns);
    if (!pages.layout().equals(pageLayout)) {
      throw new IllegalArgumentException(
          "KV layer of pages " + pages.layout() + ": expected " + pageLayout);
    }
    if (start < 0 || start > pages.length() - q.rows()) {
      throw new IllegalArgumentException(
          "KV layer of "
              + pages.length()
              + " tokens: expected positions "
              + start
              + " to "
              + ((long) start + q.rows() - 1)
              + " in it");
    }
    layer = pages;
    query = Operands.address(q);
    queryStride = Operands.stride(q);
    output = Operands.address(out);
    outputStride = Operands.stride(out);
    startPosition = start;
    positions = q.rows();
    if (positions == 1) {
      decode();
    } else {
      int tiles = Math.ceilDiv(positions, tilePositions);
      context.pool().run(tileTask, tiles * spec.numKvHeads());
    }
  }

  /** The last tiles see the most keys: they go first, so that the work ends evenly. */
  private void prefillTile(int block, int worker) {
    int tile = Math.ceilDiv(positions, tilePositions) - 1 - block / spec.numKvHeads();
    int kvHead = block % spec.numKvHeads();
    int first = tile * tilePositions;
    int count = Math.min(tilePositions, positions - first);
    AttentionRows rows = workers[worker];
    int rowCount = count * spec.groupSize();
    long totals = context.workerScratch(worker, rows.scratchByteSize() + rowCount * stateStride);
    long scratch = totals + rowCount * stateStride;
    for (int row = 0; row < rowCount; row++) {
      AttentionState.clear(totals + row * stateStride, reader.valueVectors());
    }
    loadRows(rows, scratch, kvHead, first, count);
    int position = startPosition + first;
    int endPage = Math.ceilDiv(position + count, TOKENS);
    int page = spec.firstVisible(position) / TOKENS;
    while (page < endPage) {
      int spanEnd = Math.min(endPage, (page / SPAN_PAGES + 1) * SPAN_PAGES);
      rows.reset();
      rows.addPages(layer, kvHead, page, spanEnd);
      rows.mergeStates(totals, stateStride);
      page = spanEnd;
    }
    for (int row = 0; row < rowCount; row++) {
      finish(
          totals + row * stateStride,
          kvHead,
          first + row / spec.groupSize(),
          row % spec.groupSize());
    }
  }

  private void loadRows(AttentionRows rows, long scratch, int kvHead, int first, int count) {
    long q = query + first * queryStride + headOffset(kvHead, 0);
    rows.load(scratch, q, queryStride, startPosition + first, count);
  }

  private long headOffset(int kvHead, int headInGroup) {
    long head = (long) kvHead * spec.groupSize() + headInGroup;
    return 4L * head * spec.headDim();
  }

  private void finish(long state, int kvHead, int row, int headInGroup) {
    long to = output + row * outputStride + headOffset(kvHead, headInGroup);
    AttentionState.finish(to, state, reader, spec.headDim());
  }

  private void decode() {
    int firstPage = spec.firstVisible(startPosition) / TOKENS;
    firstSpan = firstPage / SPAN_PAGES;
    spans = startPosition / TOKENS / SPAN_PAGES + 1 - firstSpan;
    int group = spec.groupSize();
    int parts = spans * spec.numKvHeads();
    states = context.sharedScratch(((long) parts * group + 1) * stateStride);
    context.pool().run(spanTask, parts);
    long total = states + (long) parts * group * stateStride;
    for (int head = 0; head < spec.numQueryHeads(); head++) {
      AttentionState.clear(total, reader.valueVectors());
      for (int span = 0; span < spans; span++) {
        long part = partState(head / group, span) + head % group * stateStride;
        AttentionState.merge(total, part, reader.valueVectors());
      }
      finish(total, head / group, 0, head % group);
    }
  }

  private long partState(int kvHead, int span) {
    long part = (long) span * spec.numKvHeads() + kvHead;
    return states + part * spec.groupSize() * stateStride;
  }

  private void decodeSpan(int block, int worker) {
    int kvHead = block % spec.numKvHeads();
    int span = block / spec.numKvHeads();
    AttentionRows rows = workers[worker];
    loadRows(rows, context.workerScratch(worker, rows.scratchByteSize()), kvHead, 0, 1);
    int firstPage =
        Math.max(spec.firstVisible(startPosition) / TOKENS, (firstSpan + span) * SPAN_PAGES);
    int endPage = Math.min(startPosition / TOKENS + 1, (firstSpan + span + 1) * SPAN_PAGES);
    rows.reset();
    rows.addPages(layer, kvHead, firstPage, endPage);
    rows.saveStates(partState(kvHead, span), stateStride);
  }
}
