package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.LowBitKeys;
import io.vquant.kernels.attention.LowBitValues;
import io.vquant.kernels.attention.ValuePrecision;
import io.vquant.kernels.backend.PrefillAttentionOperator;
import io.vquant.kernels.backend.PrefillOperands;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.tensor.Tensor;

/**
 * Low-bit prefill attention in vectors. Codes are multiplied as floats: sums of their products stay
 * below 2^24, so they are the exact integers of the specification. Softmax and exact products are
 * in float32.
 */
final class CpuPrefillAttention implements PrefillAttentionOperator {

  private static final int TILE = AttentionPrecision.TILE;

  private final CpuContext context;
  private final AttentionSpec spec;
  private final AttentionPrecision precision;
  private final LowBitKeys[] keys;
  private final LowBitValues[] lowBitValues;
  private final float[][] values;
  private final PrefillRows[] rows;
  private final PrefillTiles[] heads;
  private final ParallelTask layOutTask = this::layOut;
  private final ParallelTask attendTask = this::attend;
  private Tensor k;
  private Tensor v;
  private int[][] lines = {};
  private long[] headAddress = {};
  private long query;
  private long queryStride;
  private long output;
  private long outputStride;
  private int startPosition;
  private int endPosition;

  CpuPrefillAttention(CpuContext context, AttentionSpec spec, AttentionPrecision precision) {
    if (spec.headDim() % 16 != 0 || spec.headDim() > 256) {
      throw new UnsupportedKernelException(
          "low-bit prefill attention on cpu with headDim "
              + spec.headDim()
              + ": there are multiples of 16 up to 256; --device reference takes any");
    }
    this.context = context;
    this.spec = spec;
    this.precision = precision;
    int workers = context.pool().threads();
    keys = new LowBitKeys[workers];
    lowBitValues = new LowBitValues[workers];
    values = new float[workers][0];
    rows = new PrefillRows[workers];
    for (int i = 0; i < workers; i++) {
      keys[i] = new LowBitKeys(spec.headDim(), precision);
      lowBitValues[i] = new LowBitValues(spec.headDim());
      rows[i] = new PrefillRows(spec, precision);
    }
    heads = new PrefillTiles[spec.numKvHeads()];
    for (int i = 0; i < heads.length; i++) {
      heads[i] = new PrefillTiles(spec.headDim(), precision);
    }
  }

  @Override
  public void forward(Tensor out, Tensor q, Tensor newK, Tensor newV, int[][] newLines) {
    PrefillOperands.require(spec, out, q, newK, newV, newLines);
    k = newK;
    v = newV;
    lines = newLines;
    endPosition = k.rows();
    startPosition = endPosition - q.rows();
    query = Operands.address(q);
    queryStride = Operands.stride(q);
    output = Operands.address(out);
    outputStride = Operands.stride(out);
    allotHeads();
    context.pool().run(layOutTask, heads.length);
    if (q.rows() > 0) {
      int tiles = (endPosition - 1) / TILE - startPosition / TILE + 1;
      context.pool().run(attendTask, tiles * heads.length);
    }
  }

  private void allotHeads() {
    headAddress = new long[heads.length];
    long byteSize = 0;
    for (int i = 0; i < heads.length; i++) {
      headAddress[i] = byteSize;
      byteSize += PrefillTiles.byteSize(spec.headDim(), endPosition, lines[i].length);
    }
    long base = context.sharedScratch(byteSize);
    for (int i = 0; i < heads.length; i++) {
      headAddress[i] += base;
    }
  }

  private void layOut(int head, int worker) {
    int headDim = spec.headDim();
    if (values[worker].length < endPosition * headDim) {
      values[worker] = new float[endPosition * headDim];
    }
    copyHead(keys[worker].buffer(endPosition), k, head);
    copyHead(values[worker], v, head);
    keys[worker].set(endPosition, lines[head]);
    if (precision.value() == ValuePrecision.E4M3) {
      lowBitValues[worker].set(values[worker], keys[worker]);
    }
    heads[head].set(
        headAddress[head], keys[worker], values[worker], lowBitValues[worker], lines[head]);
  }

  private void copyHead(float[] to, Tensor from, int head) {
    int headDim = spec.headDim();
    long address = Operands.address(from) + 4L * head * headDim;
    long stride = Operands.stride(from);
    for (int token = 0; token < from.rows(); token++) {
      SoftmaxRows.scaled(to, token * headDim, address + token * stride, headDim, 1);
    }
  }

  /** The last tiles see the most keys: they go first, so that the work ends evenly. */
  private void attend(int block, int worker) {
    int head = block % heads.length;
    int tile = (endPosition - 1) / TILE - block / heads.length;
    int first = Math.max(startPosition, tile * TILE);
    int positions = Math.min(endPosition, (tile + 1) * TILE) - first;
    long row = (long) first - startPosition;
    long column = 4L * head * spec.groupSize() * spec.headDim();
    long scratch = context.workerScratch(worker, rows[worker].scratchByteSize());
    PrefillRows own = rows[worker];
    own.attend(
        scratch, heads[head], query + row * queryStride + column, queryStride, first, positions);
    own.write(heads[head], output + row * outputStride + column, outputStride);
  }
}
