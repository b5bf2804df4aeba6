package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.FLOATS;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.LineScore;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.quant.HadamardTransform;
import io.vquant.kernels.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/**
 * The operands of the call of attention that is under way, and how its keys fall into spans. One
 * object for all calls of an operator: a step of decoding allocates nothing.
 */
final class LineOperands {

  private static final int TOKENS = PageLayout.TOKENS;

  private final AttentionSpec spec;
  private final KvPageLayout pageLayout;
  private LineKvLayer layer;
  private long query;
  private long queryStride;
  private long output;
  private long outputStride;
  private int startPosition;
  private int positions;

  LineOperands(AttentionSpec spec, KvPageLayout pageLayout) {
    this.spec = spec;
    this.pageLayout = pageLayout;
  }

  /** Takes up a call, or refuses it. */
  void set(Tensor out, Tensor q, KvLayer kv, int start) {
    int columns = spec.numQueryHeads() * spec.headDim();
    Operands.require("q", q, q.rows(), columns);
    Operands.require("out", out, q.rows(), columns);
    if (!(kv instanceof LineKvLayer packing)
        || !packing.pageLayout().equals(pageLayout)
        || packing.spec().slidingWindow() != spec.slidingWindow()) {
      throw new IllegalArgumentException(
          "KV layer " + kv + ": expected pages of " + pageLayout + " for " + spec);
    }
    if (start < packing.hotStart() || start > packing.length() - q.rows()) {
      throw new IllegalArgumentException(
          "attention at positions %d to %d: expected them among the hot tokens %d to %d"
              .formatted(start, start + q.rows() - 1, packing.hotStart(), packing.length() - 1));
    }
    layer = packing;
    query = Operands.address(q);
    queryStride = Operands.stride(q);
    output = Operands.address(out);
    outputStride = Operands.stride(out);
    startPosition = start;
    positions = q.rows();
  }

  LineKvLayer layer() {
    return layer;
  }

  int startPosition() {
    return startPosition;
  }

  /** Query positions of the call. */
  int positions() {
    return positions;
  }

  /** Takes up the queries of some positions, counted from {@link #startPosition}. */
  void load(QueryRows rows, int kvHead, int first, int count) {
    long from = query + first * queryStride + headOffset(kvHead * spec.groupSize());
    rows.load(from, queryStride, startPosition + first, count, layer.keyTransform());
  }

  private long headOffset(int head) {
    return 4L * head * spec.headDim();
  }

  /**
   * Divides an output by its sum of weights and writes it in the model's channels.
   *
   * @param state an {@link AttentionState}
   * @param row counted from the first position
   * @param channels working memory
   */
  void finish(long state, int row, int head, float[] channels) {
    long from = state + AttentionState.HEADER_BYTES;
    long to = output + row * outputStride + headOffset(head);
    float sum = Simd.get(state);
    int headDim = spec.headDim();
    for (int c = 0; c < headDim; c += Simd.LANES) {
      Simd.load(from + 4L * c).div(sum).intoArray(channels, c);
    }
    HadamardTransform transform = layer.valueTransform();
    if (transform != null) {
      transform.apply(channels, 0);
    }
    for (int c = 0; c < headDim; c += Simd.LANES) {
      Simd.store(FloatVector.fromArray(FLOATS, channels, c), to + 4L * c);
    }
  }

  /** First packed page that a query at {@code position} sees part of. */
  int firstPage(int position) {
    return Math.max(layer.firstPackedPage(), spec.firstVisible(position) / TOKENS);
  }

  /** First hot tile that a query at {@code position} sees part of. */
  int firstHotTile(int position) {
    return Math.max(0, (spec.firstVisible(position) - layer.hotStart()) / TOKENS);
  }

  /** The hot tile that holds {@code position}. */
  int hotTile(int position) {
    return (position - layer.hotStart()) / TOKENS;
  }

  /** Page after the last of the span that {@code page} is in. */
  static int spanEnd(int page) {
    return (page / LineSpan.TILES + 1) * LineSpan.TILES;
  }

  /** {@link #spanEnd} in hot tiles, whose spans are cut like pages. */
  int hotSpanEnd(int tile) {
    return spanEnd(layer.packedPages() + tile) - layer.packedPages();
  }

  boolean observesSquares() {
    return layer.spec().policy().score() == LineScore.SQUARED_WEIGHT;
  }
}
