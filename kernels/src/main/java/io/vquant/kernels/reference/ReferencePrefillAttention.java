package io.vquant.kernels.reference;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.LowBitKeys;
import io.vquant.kernels.attention.LowBitQueries;
import io.vquant.kernels.attention.LowBitValues;
import io.vquant.kernels.attention.ValuePrecision;
import io.vquant.kernels.backend.PrefillAttentionOperator;
import io.vquant.kernels.backend.PrefillOperands;
import io.vquant.kernels.tensor.Tensor;

/**
 * Low-bit prefill attention, one row and query head at a time. What the matrix unit computes in few
 * bits is reproduced bit by bit; everything else is in double and rounded once.
 *
 * <p>A row takes its lines, then the low-bit key tiles, then its band, each tile with an online
 * softmax step. Lines and band end in one {@link SoftmaxState}, low-bit tiles in another; both are
 * merged by log-sum-exp.
 */
final class ReferencePrefillAttention implements PrefillAttentionOperator {

  private static final int TILE = AttentionPrecision.TILE;

  private final AttentionSpec spec;
  private final AttentionPrecision precision;
  private final int headDim;
  private final LowBitKeys keys;
  private final LowBitValues lowBitValues;
  private final LowBitQueries query;
  private final SoftmaxState exact;
  private final SoftmaxState lowBit;
  private final double[] scores = new double[TILE];
  private final int[] positions = new int[TILE];
  private float[] values = {};

  ReferencePrefillAttention(AttentionSpec spec, AttentionPrecision precision) {
    this.spec = spec;
    this.precision = precision;
    headDim = spec.headDim();
    keys = new LowBitKeys(headDim, precision);
    lowBitValues = new LowBitValues(headDim);
    query = new LowBitQueries(spec, precision, 1);
    exact = new SoftmaxState(headDim);
    lowBit = new SoftmaxState(headDim);
  }

  @Override
  public void forward(Tensor out, Tensor q, Tensor k, Tensor v, int[][] lines) {
    PrefillOperands.require(spec, out, q, k, v, lines);
    values = new float[k.rows() * headDim];
    for (int kvHead = 0; kvHead < spec.numKvHeads(); kvHead++) {
      load(keys.buffer(k.rows()), k, kvHead);
      load(values, v, kvHead);
      keys.set(k.rows(), lines[kvHead]);
      if (precision.value() == ValuePrecision.E4M3) {
        lowBitValues.set(values, keys);
      }
      for (int row = 0; row < q.rows(); row++) {
        for (int i = 0; i < spec.groupSize(); i++) {
          int head = kvHead * spec.groupSize() + i;
          attend(out, q, row, head, k.rows() - q.rows() + row, lines[kvHead]);
        }
      }
    }
  }

  private void load(float[] rows, Tensor tensor, int kvHead) {
    for (int token = 0; token < tensor.rows(); token++) {
      for (int c = 0; c < headDim; c++) {
        rows[token * headDim + c] = Elements.get(tensor, token, kvHead * headDim + c);
      }
    }
  }

  private void attend(Tensor out, Tensor q, int row, int head, int position, int[] lines) {
    for (int c = 0; c < headDim; c++) {
      query.rows()[c] = Elements.get(q, row, head * headDim + c);
    }
    query.set(1);
    exact.clear();
    lowBit.clear();
    int bandStart = precision.bandStart(position);
    int first = spec.firstVisible(position);
    addLines(lines, first, Math.min(bandStart, position + 1));
    int lowBitEnd = Math.min(bandStart, position + 1);
    for (int tile = first / TILE * TILE; tile < lowBitEnd; tile += TILE) {
      addLowBit(Math.max(first, tile), Math.min(lowBitEnd, tile + TILE));
    }
    for (int tile = Math.max(bandStart, first / TILE * TILE); tile <= position; ) {
      int end = Math.min(position + 1, tile + TILE);
      addExact(Math.max(first, tile), end);
      tile = end;
    }
    double max = Math.max(exact.max(), lowBit.max());
    double exactFactor = exact.factor(max);
    double lowBitFactor = lowBit.factor(max);
    double sum = exact.sum() * exactFactor + lowBit.sum() * lowBitFactor;
    for (int c = 0; c < headDim; c++) {
      double o = exact.out(c) * exactFactor + lowBit.out(c) * valueScale(c) * lowBitFactor;
      Elements.set(out, row, head * headDim + c, (float) (o / sum));
    }
  }

  private double valueScale(int channel) {
    return precision.value() == ValuePrecision.E4M3
        ? (double) lowBitValues.scale(channel) / SoftmaxState.WEIGHT_SCALE
        : 1;
  }

  private void addLines(int[] lines, int first, int end) {
    int count = 0;
    for (int position : lines) {
      if (position >= first && position < end) {
        positions[count] = position;
        scores[count++] = exactScore(position);
        if (count == TILE) {
          exact.add(scores, positions, count, runningMax(), values);
          count = 0;
        }
      }
    }
    exact.add(scores, positions, count, runningMax(), values);
  }

  private void addExact(int from, int to) {
    for (int position = from; position < to; position++) {
      positions[position - from] = position;
      scores[position - from] = exactScore(position);
    }
    exact.add(scores, positions, to - from, runningMax(), values);
  }

  /** The tile's own tokens keep their places: the matrix unit sums them in halves of 32. */
  private void addLowBit(int from, int to) {
    int tile = from / TILE * TILE;
    for (int i = 0; i < TILE; i++) {
      int position = tile + i;
      boolean used = position >= from && position < to && !keys.isLine(position);
      positions[i] = Math.min(position, keys.tokens() - 1);
      scores[i] = used ? lowBitScore(position) : Double.NEGATIVE_INFINITY;
    }
    if (precision.value() == ValuePrecision.E4M3) {
      lowBit.addE4M3(scores, positions, runningMax(), lowBitValues.codes());
    } else {
      lowBit.add(scores, positions, TILE, runningMax(), values);
    }
  }

  /** A maximum that the other state imposes, or none. */
  private double runningMax() {
    return precision.splitSoftmax()
        ? Double.NEGATIVE_INFINITY
        : Math.max(exact.max(), lowBit.max());
  }

  private double exactScore(int position) {
    double dot = 0;
    for (int c = 0; c < headDim; c++) {
      dot += (double) query.rows()[c] * keys.rows()[position * headDim + c];
    }
    return dot * spec.softmaxScale() / Math.log(2);
  }

  private float lowBitScore(int position) {
    float dot = 0; // integers far below 2^24: exact
    for (int c = 0; c < headDim; c++) {
      dot += query.codes()[c] * keys.codes()[position * headDim + c];
    }
    return (dot * query.factor(0)) * keys.scale(position);
  }
}
