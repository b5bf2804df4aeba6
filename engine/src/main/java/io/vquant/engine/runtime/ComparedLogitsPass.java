package io.vquant.engine.runtime;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import java.util.List;
import java.util.concurrent.locks.Lock;

/**
 * The logits of a text by one model with several KV caches, each beside those of a base, which has
 * a cache of its own and may have other weights. The model's results are valid until its next call,
 * so those of the base are copied. Each run begins with empty caches. The base runs once, however
 * many caches are compared with it.
 */
public final class ComparedLogitsPass implements AutoCloseable {
  private final CausalLm model;
  private final CausalLm baseModel;
  private final KernelBackend backend;
  private final Lock deviceLock;
  private final KvCache baseCache;
  private final List<KvCache> caches;
  private final long[] layerNanos;
  private final long[] layerTokens;
  private final Tensor baseHidden;
  private final Tensor baseLogits;

  /** Takes some rows of logits of the base and of one cache. */
  @FunctionalInterface
  public interface RowsConsumer {
    /**
     * Called for consecutive rows of each cache.
     *
     * @param cache which of the compared ones
     * @param position of the first row's token; its logits are about the token after it
     * @param base {@code [rows, vocabSize]} F32, valid during the call
     * @param logits of the same shape
     */
    void accept(int cache, int position, Tensor base, Tensor logits);
  }

  /**
   * A pass over texts of up to the caches' length.
   *
   * @param backend of the model; holds the buffers until it closes
   * @param deviceLock held while the model computes
   * @param baseModel runs with the base's cache; the same model, or one with other weights
   * @param baseCache owned by this pass from now on
   * @param caches the same, of equal length, at least one
   */
  public ComparedLogitsPass(
      CausalLm model,
      KernelBackend backend,
      Lock deviceLock,
      CausalLm baseModel,
      KvCache baseCache,
      List<KvCache> caches) {
    this.model = model;
    this.backend = backend;
    this.deviceLock = deviceLock;
    this.baseModel = baseModel;
    this.baseCache = baseCache;
    this.caches = List.copyOf(caches);
    layerNanos = new long[caches.size()];
    layerTokens = new long[caches.size()];
    int maxTokens = baseCache.spec().maxTokens();
    int maxRows = Math.min(maxTokens, CausalLm.MAX_LOGITS_ROWS);
    baseHidden = backend.matrix(maxTokens, model.config().hiddenSize());
    baseLogits = backend.hostMatrix(maxRows, model.config().vocabSize());
  }

  /**
   * Computes the logits at the positions from {@code firstPosition} on, the text going through the
   * layers as one prompt; all rows of one cache, then those of the next.
   *
   * @throws io.vquant.model.ForwardCancelledException if the listener says so
   */
  public void run(
      int[] tokenIds, int firstPosition, ForwardListener listener, RowsConsumer consumer) {
    deviceLock.lock();
    try {
      int count = tokenIds.length;
      truncate();
      backend.copy(
          baseHidden.rows(0, count), baseModel.forward(tokenIds, 0, count, baseCache, listener));
      for (int cache = 0; cache < caches.size(); cache++) {
        Tensor hidden = timedForward(cache, tokenIds, 0, count, listener);
        for (int row = firstPosition; row < count; row += CausalLm.MAX_LOGITS_ROWS) {
          int rows = Math.min(CausalLm.MAX_LOGITS_ROWS, count - row);
          Tensor base = copiedLogits(baseHidden.rows(row, rows));
          consumer.accept(cache, row, base, model.logits(hidden.rows(row, rows)));
        }
      }
    } finally {
      deviceLock.unlock();
    }
  }

  /**
   * Computes the same one token at a time through the caches; not the logits of the last token.
   *
   * @throws io.vquant.model.ForwardCancelledException if the listener says so
   */
  public void runByToken(
      int[] tokenIds, int firstPosition, ForwardListener listener, RowsConsumer consumer) {
    deviceLock.lock();
    try {
      truncate();
      for (int position = 0; position < tokenIds.length - 1; position++) {
        Tensor base = null;
        Tensor baseRow = baseModel.forward(tokenIds, position, 1, baseCache, listener);
        if (position >= firstPosition) {
          base = copiedLogits(baseRow);
        }
        for (int cache = 0; cache < caches.size(); cache++) {
          Tensor hidden = timedForward(cache, tokenIds, position, 1, listener);
          if (base != null) {
            consumer.accept(cache, position, base, model.logits(hidden));
          }
        }
      }
    } finally {
      deviceLock.unlock();
    }
  }

  private Tensor timedForward(
      int cache, int[] tokenIds, int first, int count, ForwardListener listener) {
    long startNanos = System.nanoTime();
    Tensor hidden = model.forward(tokenIds, first, count, caches.get(cache), listener);
    backend.awaitWork();
    layerNanos[cache] += System.nanoTime() - startNanos;
    layerTokens[cache] += count;
    return hidden;
  }

  private void truncate() {
    baseCache.truncate(0);
    caches.forEach(cache -> cache.truncate(0));
  }

  private Tensor copiedLogits(Tensor hidden) {
    Tensor copy = baseLogits.rows(0, hidden.rows());
    backend.copy(copy, baseModel.logits(hidden));
    return copy;
  }

  /** How many caches are compared with the base's. */
  public int caches() {
    return caches.size();
  }

  /** Bytes of one of the compared caches so far. */
  public long cacheByteSize(int cache) {
    return caches.get(cache).byteSize();
  }

  /** Time that the layers have taken with one of the compared caches, all runs together. */
  public long layerNanos(int cache) {
    return layerNanos[cache];
  }

  /** Tokens that went through the layers in that time. */
  public long layerTokens(int cache) {
    return layerTokens[cache];
  }

  @Override
  public void close() {
    baseCache.close();
    caches.forEach(KvCache::close);
  }
}
