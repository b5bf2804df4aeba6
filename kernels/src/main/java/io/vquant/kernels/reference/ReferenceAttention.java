package io.vquant.kernels.reference;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PagedKvLayer;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/**
 * softmax(softmaxScale * q K^T) V for one query head and row at a time (Vaswani et al. 2017,
 * section 3.2.1), all in double over the keys that the row may see, each output rounded once.
 */
final class ReferenceAttention implements AttentionOperator {

  private final AttentionSpec spec;
  private final PageLayout expectedLayout;

  /** Scores, then probabilities, of the visible keys; grows with the sequence. */
  private double[] probabilities = new double[PageLayout.TOKENS];

  private final float[] queryHead;

  ReferenceAttention(AttentionSpec spec, DType cacheType) {
    if (cacheType == DType.F16) {
      throw new UnsupportedKernelException(
          "reference attention on a cache of F16: there is F32 and BF16");
    }
    this.spec = spec;
    this.queryHead = new float[spec.headDim()];
    this.expectedLayout = new PageLayout(spec.numKvHeads(), spec.headDim(), cacheType);
  }

  @Override
  public void forward(Tensor out, Tensor q, KvLayer kv, int startPosition) {
    int width = spec.numQueryHeads() * spec.headDim();
    Elements.requireF32("attention q", q, q.rows(), width);
    Elements.requireF32("attention out", out, q.rows(), width);
    PagedKvLayer cache = requireCache(kv, startPosition, q.rows());
    for (int row = 0; row < q.rows(); row++) {
      int position = startPosition + row;
      int firstKey = spec.firstVisible(position);
      int keys = position + 1 - firstKey;
      if (probabilities.length < keys) {
        probabilities = new double[Math.max(keys, 2 * probabilities.length)];
      }
      for (int head = 0; head < spec.numQueryHeads(); head++) {
        int kvHead = head / spec.groupSize();
        for (int c = 0; c < spec.headDim(); c++) {
          queryHead[c] = Elements.get(q, row, head * spec.headDim() + c);
        }
        score(cache, kvHead, firstKey, keys);
        softmax(keys);
        mixValues(out, row, head, cache, kvHead, firstKey, keys);
      }
    }
  }

  private PagedKvLayer requireCache(KvLayer kv, int startPosition, int rows) {
    if (!(kv instanceof PagedKvLayer cache)) {
      throw new UnsupportedKernelException(
          "reference attention on a " + kv.getClass().getSimpleName() + ": there is PagedKvLayer");
    }
    if (!cache.layout().equals(expectedLayout)) {
      throw new IllegalArgumentException(
          "attention cache has " + cache.layout() + ": expected " + expectedLayout);
    }
    if (startPosition < 0 || rows > cache.length() - startPosition) {
      throw new IllegalArgumentException(
          "attention at positions %d + %d: the cache holds %d tokens"
              .formatted(startPosition, rows, cache.length()));
    }
    return cache;
  }

  private void score(PagedKvLayer cache, int kvHead, int firstKey, int keys) {
    for (int j = 0; j < keys; j++) {
      double dot = 0;
      for (int c = 0; c < spec.headDim(); c++) {
        dot += (double) queryHead[c] * cache.key(kvHead, firstKey + j, c);
      }
      probabilities[j] = dot * spec.softmaxScale();
    }
  }

  private void softmax(int keys) {
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < keys; j++) {
      max = Math.max(max, probabilities[j]);
    }
    double sum = 0;
    for (int j = 0; j < keys; j++) {
      probabilities[j] = Math.exp(probabilities[j] - max);
      sum += probabilities[j];
    }
    for (int j = 0; j < keys; j++) {
      probabilities[j] /= sum;
    }
  }

  private void mixValues(
      Tensor out, int row, int head, PagedKvLayer cache, int kvHead, int firstKey, int keys) {
    for (int c = 0; c < spec.headDim(); c++) {
      double sum = 0;
      for (int j = 0; j < keys; j++) {
        sum += probabilities[j] * cache.value(kvHead, firstKey + j, c);
      }
      Elements.set(out, row, head * spec.headDim() + c, (float) sum);
    }
  }
}
