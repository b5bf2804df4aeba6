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
 * over all its spans; with one position of a sequence it is one span of one KV head ({@link
 * PlainDecode}), so that both cores have work. The arithmetic of a row is the same in both.
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
  private final PlainDecode decode;
  private final ParallelTask tileTask = this::prefillTile;

  private PlainPages layer;
  private long query;
  private long queryStride;
  private long output;
  private long outputStride;
  private int startPosition;
  private int positions;

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
    decode = new PlainDecode(context, spec, reader, workers, SPAN_PAGES);
  }

  @Override
  public void forward(Tensor out, Tensor q, KvLayer kv, int start) {
    forward(out, q, pagesOf(kv), start);
  }

  private PlainPages pagesOf(KvLayer kv) {
    if (!(kv instanceof PlainPages pages)) {
      throw new IllegalArgumentException("KV layer " + kv + ": expected pages of " + pageLayout);
    }
    return pages;
  }

  @Override
  public void decode(Tensor out, Tensor q, KvLayer[] layers, int[] rowPositions) {
    beginRows();
    for (int row = 0; row < q.rows(); row++) {
      addRow(out.rows(row, 1), q.rows(row, 1), pagesOf(layers[row]), rowPositions[row]);
    }
    attendRows();
  }

  /** Attention over pages that are not a layer of their own. */
  void forward(Tensor out, Tensor q, PlainPages pages, int start) {
    require(out, q, pages, start);
    if (q.rows() == 1) {
      decode.begin();
      decode.add(out, q, pages, start);
      decode.run();
      return;
    }
    layer = pages;
    query = Operands.address(q);
    queryStride = Operands.stride(q);
    output = Operands.address(out);
    outputStride = Operands.stride(out);
    startPosition = start;
    positions = q.rows();
    int tiles = Math.ceilDiv(positions, tilePositions);
    context.pool().run(tileTask, tiles * spec.numKvHeads());
  }

  /** Begins a call for rows of several sequences. */
  void beginRows() {
    decode.begin();
  }

  /** Adds one row of one sequence to the call. */
  void addRow(Tensor out, Tensor q, PlainPages pages, int position) {
    require(out, q, pages, position);
    decode.add(out, q, pages, position);
  }

  /** Attends from all rows of the call. */
  void attendRows() {
    decode.run();
  }

  private void require(Tensor out, Tensor q, PlainPages pages, int start) {
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
}
