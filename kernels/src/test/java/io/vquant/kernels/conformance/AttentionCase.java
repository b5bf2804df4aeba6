package io.vquant.kernels.conformance;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.tensor.DType;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * One call of attention to check: {@code rows} queries from {@code startPosition} on.
 *
 * @param later cached tokens after the last query, which no query may see
 */
record AttentionCase(
    AttentionSpec spec,
    DType cacheType,
    Scores scores,
    int startPosition,
    int rows,
    int later,
    long seed) {

  /** Kinds of scores q.k. */
  enum Scores {
    /** About as wide as the head size makes them. */
    NORMAL,
    /** Around +-1e4: one key takes all. */
    HUGE,
    /** The same key everywhere: a plain mean of the values. */
    EQUAL,
    /** Zero queries: the same, by another way. */
    ZERO
  }

  /** Tokens in the cache. */
  int length() {
    return startPosition + rows + later;
  }

  int keyWidth() {
    return spec.numKvHeads() * spec.headDim();
  }

  int queryWidth() {
    return spec.numQueryHeads() * spec.headDim();
  }

  /** {@code [rows, numQueryHeads * headDim]}. */
  float[] queries() {
    SplittableRandom random = new SplittableRandom(seed);
    float[] q = ValuePattern.NORMAL.draw(random, rows * queryWidth());
    float factor =
        switch (scores) {
          case HUGE -> 1e4f;
          case ZERO -> 0f;
          default -> 1f;
        };
    for (int i = 0; i < q.length; i++) {
      q[i] *= factor;
    }
    return q;
  }

  /** {@code [length, numKvHeads * headDim]}, as drawn. */
  float[] keys() {
    SplittableRandom random = new SplittableRandom(seed + 1);
    float[] keys = ValuePattern.NORMAL.draw(random, length() * keyWidth());
    for (int i = keyWidth(); i < keys.length && scores == Scores.EQUAL; i++) {
      keys[i] = keys[i % keyWidth()];
    }
    return keys;
  }

  /** {@code [length, numKvHeads * headDim]}, as drawn. */
  float[] values() {
    return ValuePattern.NORMAL.draw(new SplittableRandom(seed + 2), length() * keyWidth());
  }

  /** The values that a cache holds of {@code drawn}; those that no query may see become NaN. */
  float[] cached(float[] drawn) {
    float[] cached = new float[drawn.length];
    for (int i = 0; i < drawn.length; i++) {
      cached[i] = ValuePattern.round(drawn[i], cacheType);
    }
    int seen = (startPosition + rows) * keyWidth();
    Arrays.fill(cached, seen, cached.length, Float.NaN);
    return cached;
  }

  /** An open cache filled with {@link #keys} and {@link #values}. */
  KvCache fill(KernelBackend backend, boolean padded) {
    KvCache cache =
        backend.kvCache(
            new KvCacheSpec(1, spec.numKvHeads(), spec.headDim(), length() + 64, cacheType));
    Activations keys = Activations.of(backend, length(), keyWidth(), cached(keys()), padded);
    Activations values = Activations.of(backend, length(), keyWidth(), cached(values()), padded);
    cache.layer(0).append(keys.tensor(), values.tensor(), 0);
    return cache;
  }
}
