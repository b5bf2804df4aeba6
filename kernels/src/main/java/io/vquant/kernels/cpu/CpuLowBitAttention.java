package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.quant.SymmetricInt;
import io.vquant.kernels.tensor.Tensor;

/**
 * Attention over a layer that packs, with low-bit arithmetic for prompts: of the tokens that are
 * still in 16 bits, those outside the window that are no lines are multiplied as INT8 or INT4
 * codes, bit for bit as {@link AttentionPrecision} says; packed pages and their slab are read as
 * they are. One row alone, a step of decoding, is exact.
 *
 * <p>Lines are chosen by each call for itself, by the last 64 of its rows: the tokens of the prompt
 * that it attends to are all there, and what serves 256 rows is chosen by rows among them. So the
 * bits of a row depend on the rows computed in the same chunk, unlike anywhere else.
 */
final class CpuLowBitAttention implements AttentionOperator {

  private static final int TILE = AttentionPrecision.TILE;

  private final CpuContext context;
  private final AttentionSpec spec;
  private final SymmetricInt queryKey;
  private final AttentionOperator exact;
  private final LineOperands operands;
  private final OlderKeys[] older;
  private final ParallelTask prepareTask = this::prepare;
  private final ParallelTask attendTask = this::attend;
  private KvLayerPolicy policy;
  private HotHead[] heads = {};
  private PrefillRows[] rows = {};
  private long headByteSize;
  private long headMemory;
  private int firstPosition;
  private int tokens;
  private Tensor q;

  CpuLowBitAttention(
      CpuContext context, AttentionSpec spec, KvFormat format, SymmetricInt queryKey) {
    this.context = context;
    this.spec = spec;
    this.queryKey = queryKey;
    exact = new CpuLineAttention(context, spec, format);
    KvPageLayout pageLayout = new KvPageLayout(format, spec.numKvHeads(), spec.headDim());
    operands = new LineOperands(spec, pageLayout);
    older = new OlderKeys[context.pool().threads()];
    for (int i = 0; i < older.length; i++) {
      older[i] = new OlderKeys(spec, pageLayout, operands, TILE);
    }
  }

  @Override
  public void forward(Tensor out, Tensor newQ, KvLayer kv, int startPosition) {
    operands.set(out, newQ, kv, startPosition);
    if (newQ.rows() == 1) {
      exact.forward(out, newQ, kv, startPosition);
      return;
    }
    LineKvLayer layer = operands.layer();
    int observed = Math.max(startPosition, layer.observedFrom());
    int end = startPosition + newQ.rows();
    if (observed < end) {
      // Its outputs are overwritten; what it leaves is the layer's line scores.
      int row = observed - startPosition;
      exact.forward(out.rows(row, end - observed), newQ.rows(row, end - observed), kv, observed);
    }
    q = newQ;
    firstPosition = startPosition - layer.hotStart();
    tokens = end - layer.hotStart();
    adopt(layer.spec().policy());
    int mostLines = policy.slabRows(end) + TILE;
    headByteSize = PrefillTiles.byteSize(spec.headDim(), tokens, mostLines);
    headMemory = context.sharedScratch(headByteSize * spec.numKvHeads());
    context.pool().run(prepareTask, spec.numKvHeads());
    int tiles = (tokens - 1) / TILE - firstPosition / TILE + 1;
    context.pool().run(attendTask, tiles * spec.numKvHeads());
  }

  @Override
  public void decode(Tensor out, Tensor newQ, KvLayer[] layers, int[] positions) {
    exact.decode(out, newQ, layers, positions);
  }

  /** Layers of one operator may have several policies. */
  private void adopt(KvLayerPolicy newPolicy) {
    if (newPolicy.equals(policy)) {
      return;
    }
    policy = newPolicy;
    AttentionPrecision precision =
        AttentionPrecision.of(queryKey)
            .withTransform(policy.smoothKeys(), policy.hadamard())
            .withWindow(policy.window());
    heads = new HotHead[spec.numKvHeads()];
    for (int i = 0; i < heads.length; i++) {
      heads[i] = new HotHead(spec, precision);
    }
    rows = new PrefillRows[context.pool().threads()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new PrefillRows(spec, precision);
    }
  }

  private void prepare(int head, int worker) {
    long scratch = context.workerScratch(worker, heads[head].scratchByteSize());
    long memory = headMemory + head * headByteSize;
    heads[head].prepare(scratch, memory, operands.layer(), head, q, firstPosition, tokens);
  }

  /** The last tiles see the most keys: they go first, so that the work ends evenly. */
  private void attend(int block, int worker) {
    int kvHead = block % spec.numKvHeads();
    int tile = (tokens - 1) / TILE - block / spec.numKvHeads();
    int first = Math.max(firstPosition, tile * TILE);
    int positions = Math.min(tokens, (tile + 1) * TILE) - first;
    int row = first - firstPosition;
    PrefillRows own = rows[worker];
    OlderKeys before = older[worker];
    long states = context.workerScratch(worker, before.byteSize() + own.scratchByteSize());
    before.attend(states, kvHead, row, positions);
    long from =
        Operands.address(q)
            + row * Operands.stride(q)
            + 4L * kvHead * spec.groupSize() * spec.headDim();
    HotHead hot = heads[kvHead];
    own.attend(states + before.byteSize(), hot.tiles(), from, Operands.stride(q), first, positions);
    own.mergeInto(states, before.stateStride(), hot.keys());
    before.finish(states, kvHead, row, positions);
  }
}
