package io.vquant.kernels.reference;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.LineScore;
import io.vquant.kernels.kvcache.LineScores;
import io.vquant.kernels.quant.HadamardTransform;
import io.vquant.kernels.tensor.Tensor;

/**
 * Attention over a layer that packs: its keys and values are decoded one by one, then softmax as in
 * {@link ReferenceAttention}, in double over the keys that a row may see. Queries are transformed
 * in float32, as everywhere; outputs are rounded once, and once more by the transform of values
 * where there is one.
 */
final class ReferenceLineAttention implements AttentionOperator {

  private final AttentionSpec spec;
  private final KvFormat format;
  private final float[] query;
  private final float[] output;
  private float[] keys = {};
  private float[] values = {};
  private double[] weights = {};

  ReferenceLineAttention(AttentionSpec spec, KvFormat format) {
    this.spec = spec;
    this.format = format;
    query = new float[spec.headDim()];
    output = new float[spec.headDim()];
  }

  @Override
  public void forward(Tensor out, Tensor q, KvLayer kv, int startPosition) {
    int width = spec.numQueryHeads() * spec.headDim();
    Elements.requireF32("attention q", q, q.rows(), width);
    Elements.requireF32("attention out", out, q.rows(), width);
    LineKvLayer layer = requireLayer(kv, startPosition, q.rows());
    reserve(layer.length());
    for (int kvHead = 0; kvHead < spec.numKvHeads(); kvHead++) {
      layer.readHead(kvHead, keys, values);
      for (int row = 0; row < q.rows(); row++) {
        for (int i = 0; i < spec.groupSize(); i++) {
          attend(out, q, row, kvHead * spec.groupSize() + i, layer, startPosition + row);
        }
      }
    }
  }

  private LineKvLayer requireLayer(KvLayer kv, int startPosition, int rows) {
    if (!(kv instanceof LineKvLayer layer) || !layer.pageLayout().format().equals(format)) {
      throw new UnsupportedKernelException(
          "reference attention of " + format + " on " + kv + ": expected a layer of that format");
    }
    if (layer.pageLayout().numKvHeads() != spec.numKvHeads()
        || layer.pageLayout().headDim() != spec.headDim()
        || layer.spec().slidingWindow() != spec.slidingWindow()) {
      throw new IllegalArgumentException(
          "attention of " + spec + " on " + layer.pageLayout() + ", " + layer.spec());
    }
    if (startPosition < layer.hotStart() || startPosition + rows > layer.length()) {
      throw new IllegalArgumentException(
          "attention at positions %d + %d: the layer's hot tokens are %d to %d"
              .formatted(startPosition, rows, layer.hotStart(), layer.length() - 1));
    }
    return layer;
  }

  private void reserve(int tokens) {
    if (weights.length < tokens) {
      int capacity = Math.max(tokens, 2 * weights.length);
      weights = new double[capacity];
      keys = new float[capacity * spec.headDim()];
      values = new float[capacity * spec.headDim()];
    }
  }

  private void attend(Tensor out, Tensor q, int row, int head, LineKvLayer layer, int position) {
    for (int c = 0; c < spec.headDim(); c++) {
      query[c] = Elements.get(q, row, head * spec.headDim() + c);
    }
    HadamardTransform keyTransform = layer.keyTransform();
    if (keyTransform != null) {
      keyTransform.apply(query, 0);
    }
    int first = spec.firstVisible(position);
    softmax(first, position + 1);
    mixValues(first, position + 1);
    HadamardTransform valueTransform = layer.valueTransform();
    if (valueTransform != null) {
      valueTransform.apply(output, 0);
    }
    for (int c = 0; c < spec.headDim(); c++) {
      Elements.set(out, row, head * spec.headDim() + c, output[c]);
    }
    if (position >= layer.observedFrom()) {
      observe(layer, head / spec.groupSize(), position);
    }
  }

  private void softmax(int first, int end) {
    double max = Double.NEGATIVE_INFINITY;
    for (int j = first; j < end; j++) {
      double dot = 0;
      for (int c = 0; c < spec.headDim(); c++) {
        dot += (double) query[c] * keys[j * spec.headDim() + c];
      }
      weights[j] = dot * spec.softmaxScale();
      max = Math.max(max, weights[j]);
    }
    double sum = 0;
    for (int j = first; j < end; j++) {
      weights[j] = Math.exp(weights[j] - max);
      sum += weights[j];
    }
    for (int j = first; j < end; j++) {
      weights[j] /= sum;
    }
  }

  private void mixValues(int first, int end) {
    for (int c = 0; c < spec.headDim(); c++) {
      double sum = 0;
      for (int j = first; j < end; j++) {
        sum += weights[j] * values[j * spec.headDim() + c];
      }
      output[c] = (float) sum;
    }
  }

  private void observe(LineKvLayer layer, int kvHead, int position) {
    LineScores scores = layer.scores();
    LineScore score = layer.spec().policy().score();
    int firstVisible = spec.firstVisible(position);
    int hotFirst = Math.max(layer.hotStart(), firstVisible);
    for (int j = hotFirst; j < position - LineScores.MIN_AGE; j++) {
      scores.hotSums()[scores.hotIndex(kvHead) + j - layer.hotStart()] +=
          score.of((float) weights[j]);
    }
    for (int r = 0; r < layer.slabRows(kvHead); r++) {
      int j = layer.slabPosition(kvHead, r);
      if (j >= firstVisible) {
        scores.slabSums()[scores.slabIndex(kvHead) + r] += score.of((float) weights[j]);
      }
    }
  }
}
