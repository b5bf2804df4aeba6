package io.vquant.engine.runtime;

import io.vquant.engine.sampling.Sampler;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import java.util.concurrent.locks.Lock;

/**
 * Runs a model over one sequence. The cache always holds the first tokens of the sequence; the
 * others are pending and are computed by the next step, so prefill and decode are one operation.
 */
public final class ModelRunner implements AutoCloseable {
  private final CausalLm model;
  private final Lock deviceLock;
  private final KvCache cache;
  private final TokenSequence tokens = new TokenSequence();

  /**
   * A runner with an empty sequence.
   *
   * @param deviceLock held while the model computes: its buffers are shared by all sequences
   * @param cache owned by this runner from now on
   */
  public ModelRunner(CausalLm model, Lock deviceLock, KvCache cache) {
    this.model = model;
    this.deviceLock = deviceLock;
    this.cache = cache;
  }

  /** The tokens so far. */
  public TokenSequence tokens() {
    return tokens;
  }

  public KvCache cache() {
    return cache;
  }

  /**
   * Makes the sequence equal to a prompt. What the cache holds of it is kept, the last token
   * excepted: its logits are needed.
   *
   * @return tokens of the prompt that need not be computed
   */
  public int start(int[] promptIds) {
    int usable = Math.min(tokens.commonPrefix(promptIds), promptIds.length - 1);
    int cached = Math.min(cache.length(), usable);
    cache.truncate(cached);
    tokens.replaceBy(promptIds);
    return cached;
  }

  /**
   * Computes the pending tokens, chooses the next one and appends it.
   *
   * @throws io.vquant.model.ForwardCancelledException if the listener says so; sequence and cache
   *     are then as before
   */
  public int next(Sampler sampler, ForwardListener listener) {
    deviceLock.lock();
    try {
      int first = cache.length();
      int count = tokens.length() - first;
      Tensor hidden = model.forward(tokens.backingArray(), first, count, cache, listener);
      Tensor last = count == 1 ? hidden : hidden.rows(count - 1, 1);
      int token = sampler.sample(model.logits(last), tokens);
      tokens.add(token);
      return token;
    } finally {
      deviceLock.unlock();
    }
  }

  @Override
  public void close() {
    cache.close();
  }
}
