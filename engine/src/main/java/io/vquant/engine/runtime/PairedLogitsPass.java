package io.vquant.engine.runtime;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import java.util.concurrent.locks.Lock;

/**
 * The logits of a text by one model with two KV caches, row beside row. The model's results are
 * valid until its next call, so those of the base are copied. Each run begins with empty caches.
 */
public final class PairedLogitsPass implements AutoCloseable {
  private final CausalLm model;
  private final KernelBackend backend;
  private final Lock deviceLock;
  private final KvCache baseCache;
  private final KvCache cache;
  private final Tensor baseHidden;
  private final Tensor baseLogits;

  /** Takes some rows of logits of both. */
  @FunctionalInterface
  public interface PairConsumer {
    /**
     * Called for consecutive rows.
     *
     * @param position of the first row's token; its logits are about the token after it
     * @param base {@code [rows, vocabSize]} F32, valid during the call
     * @param logits of the same shape
     */
    void accept(int position, Tensor base, Tensor logits);
  }

  /**
   * A pass over texts of up to the caches' length.
   *
   * @param backend of the model; holds the buffers until it closes
   * @param deviceLock held while the model computes
   * @param baseCache owned by this pass from now on
   * @param cache the same, of equal length
   */
  public PairedLogitsPass(
      CausalLm model, KernelBackend backend, Lock deviceLock, KvCache baseCache, KvCache cache) {
    this.model = model;
    this.backend = backend;
    this.deviceLock = deviceLock;
    this.baseCache = baseCache;
    this.cache = cache;
    int maxTokens = baseCache.spec().maxTokens();
    int maxRows = Math.min(maxTokens, CausalLm.MAX_LOGITS_ROWS);
    baseHidden = backend.matrix(maxTokens, model.config().hiddenSize());
    baseLogits = backend.matrix(maxRows, model.config().vocabSize());
  }

  /**
   * Computes the logits at the positions from {@code firstPosition} on, the text going through the
   * layers as one prompt.
   *
   * @throws io.vquant.model.ForwardCancelledException if the listener says so
   */
  public void run(
      int[] tokenIds, int firstPosition, ForwardListener listener, PairConsumer consumer) {
    deviceLock.lock();
    try {
      int count = tokenIds.length;
      truncate();
      backend.copy(
          baseHidden.rows(0, count), model.forward(tokenIds, 0, count, baseCache, listener));
      Tensor hidden = model.forward(tokenIds, 0, count, cache, listener);
      for (int row = firstPosition; row < count; row += CausalLm.MAX_LOGITS_ROWS) {
        int rows = Math.min(CausalLm.MAX_LOGITS_ROWS, count - row);
        Tensor base = copiedLogits(baseHidden.rows(row, rows));
        consumer.accept(row, base, model.logits(hidden.rows(row, rows)));
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
      int[] tokenIds, int firstPosition, ForwardListener listener, PairConsumer consumer) {
    deviceLock.lock();
    try {
      truncate();
      for (int position = 0; position < tokenIds.length - 1; position++) {
        Tensor base = null;
        Tensor hidden = model.forward(tokenIds, position, 1, baseCache, listener);
        if (position >= firstPosition) {
          base = copiedLogits(hidden);
        }
        hidden = model.forward(tokenIds, position, 1, cache, listener);
        if (base != null) {
          consumer.accept(position, base, model.logits(hidden));
        }
      }
    } finally {
      deviceLock.unlock();
    }
  }

  private void truncate() {
    baseCache.truncate(0);
    cache.truncate(0);
  }

  private Tensor copiedLogits(Tensor hidden) {
    Tensor copy = baseLogits.rows(0, hidden.rows());
    backend.copy(copy, model.logits(hidden));
    return copy;
  }

  /** Bytes of this KV cache so far, without the base's. */
  public long cacheByteSize() {
    return cache.byteSize();
  }

  @Override
  public void close() {
    baseCache.close();
    cache.close();
  }
}
