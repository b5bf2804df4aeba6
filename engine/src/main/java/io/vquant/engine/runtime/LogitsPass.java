package io.vquant.engine.runtime;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import java.util.concurrent.locks.Lock;

/**
 * The logits of every position of a text, in chunks of rows: all of them at once would take the
 * text's length times the vocabulary. Each run begins with an empty cache.
 */
public final class LogitsPass implements AutoCloseable {
  private final CausalLm model;
  private final Lock deviceLock;
  private final KvCache cache;

  /** Takes some rows of logits. */
  @FunctionalInterface
  public interface RowsConsumer<E extends Exception> {
    /**
     * Called for consecutive rows.
     *
     * @param position of the first row's token; its logits are about the token after it
     * @param logits {@code [rows, vocabSize]} F32, valid during the call
     */
    void accept(int position, Tensor logits) throws E;
  }

  /** Does something while the device is held and the hidden states are valid. */
  @FunctionalInterface
  interface HiddenConsumer<E extends Exception> {
    void accept(Tensor hidden) throws E;
  }

  /**
   * A pass over texts of up to the cache's length.
   *
   * @param deviceLock held while the model computes
   * @param cache owned by this pass from now on
   */
  public LogitsPass(CausalLm model, Lock deviceLock, KvCache cache) {
    this.model = model;
    this.deviceLock = deviceLock;
    this.cache = cache;
  }

  /**
   * Computes the logits at the positions from {@code firstPosition} on.
   *
   * @throws io.vquant.model.ForwardCancelledException if the listener says so
   */
  public <E extends Exception> void run(
      int[] tokenIds, int firstPosition, ForwardListener listener, RowsConsumer<E> consumer)
      throws E {
    withHidden(tokenIds, listener, hidden -> forEachChunk(hidden, firstPosition, consumer));
  }

  /**
   * Computes the same one token at a time through the cache, as generation does; not the logits of
   * the last token, after which nothing comes.
   *
   * @throws io.vquant.model.ForwardCancelledException if the listener says so
   */
  public <E extends Exception> void runByToken(
      int[] tokenIds, int firstPosition, ForwardListener listener, RowsConsumer<E> consumer)
      throws E {
    deviceLock.lock();
    try {
      cache.truncate(0);
      for (int position = 0; position < tokenIds.length - 1; position++) {
        Tensor hidden = model.forward(tokenIds, position, 1, cache, listener);
        if (position >= firstPosition) {
          consumer.accept(position, model.logits(hidden));
        }
      }
    } finally {
      deviceLock.unlock();
    }
  }

  /** Bytes of the KV cache so far. */
  public long cacheByteSize() {
    return cache.byteSize();
  }

  /** Runs the layers, then {@code body} on their output {@code [tokenIds.length, hiddenSize]}. */
  <E extends Exception> void withHidden(
      int[] tokenIds, ForwardListener listener, HiddenConsumer<E> body) throws E {
    deviceLock.lock();
    try {
      cache.truncate(0);
      body.accept(model.forward(tokenIds, 0, tokenIds.length, cache, listener));
    } finally {
      deviceLock.unlock();
    }
  }

  /** Applies the output layer to the rows from {@code firstRow} on. */
  <E extends Exception> void forEachChunk(Tensor hidden, int firstRow, RowsConsumer<E> consumer)
      throws E {
    for (int row = firstRow; row < hidden.rows(); row += CausalLm.MAX_LOGITS_ROWS) {
      int rows = Math.min(CausalLm.MAX_LOGITS_ROWS, hidden.rows() - row);
      consumer.accept(row, model.logits(hidden.rows(row, rows)));
    }
  }

  @Override
  public void close() {
    cache.close();
  }
}
