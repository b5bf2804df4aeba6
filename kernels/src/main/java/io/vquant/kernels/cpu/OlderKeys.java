package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.LineKvLayer;

/**
 * Exact attention of a tile of rows to what came before the hot tokens of a layer: packed pages and
 * the slab. Leaves a state a row ({@link AttentionState}) for others to merge theirs into. One such
 * object a worker.
 */
final class OlderKeys {

  private final AttentionSpec spec;
  private final LineOperands operands;
  private final LineSpan span;
  private final QueryRows queries;
  private final int maxRows;
  private final int outVectors;
  private final long stateStride;
  private final float[] channels;

  OlderKeys(AttentionSpec spec, KvPageLayout pageLayout, LineOperands operands, int maxPositions) {
    this.spec = spec;
    this.operands = operands;
    maxRows = maxPositions * spec.groupSize();
    span = new LineSpan(spec, pageLayout, maxRows);
    queries = new QueryRows(spec, LineSpan.keyLayout(pageLayout), maxRows);
    outVectors = LineSpan.outVectors(spec.headDim());
    stateStride = AttentionState.byteSize(outVectors);
    channels = new float[spec.headDim()];
  }

  /** Bytes of states and working memory. */
  long byteSize() {
    return maxRows * stateStride + span.scratchByteSize();
  }

  long stateStride() {
    return stateStride;
  }

  /** Writes the states of some positions, counted from the call's first, at {@code states}. */
  void attend(long states, int kvHead, int first, int positions) {
    LineKvLayer layer = operands.layer();
    int rows = positions * spec.groupSize();
    for (int row = 0; row < rows; row++) {
      AttentionState.clear(states + row * stateStride, outVectors);
    }
    if (layer.packedPages() == 0 && layer.slabRows(kvHead) == 0) {
      return;
    }
    span.useScratch(states + maxRows * stateStride);
    operands.load(queries, kvHead, first, positions);
    for (int page = operands.firstPage(queries.position(0)); page < layer.packedPages(); ) {
      int end = Math.min(layer.packedPages(), LineOperands.spanEnd(page));
      span.attendPages(layer, kvHead, queries, page, end);
      span.mergeStates(states, stateStride, rows);
      page = end;
    }
    if (layer.slabRows(kvHead) > 0) {
      span.attendSlab(layer, kvHead, queries, span.ownScores());
      span.mergeStates(states, stateStride, rows);
    }
  }

  /** Writes the outputs of what the states have become. */
  void finish(long states, int kvHead, int first, int positions) {
    for (int row = 0; row < positions * spec.groupSize(); row++) {
      int head = kvHead * spec.groupSize() + row % spec.groupSize();
      operands.finish(states + row * stateStride, first + row / spec.groupSize(), head, channels);
    }
  }
}
