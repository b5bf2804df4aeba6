package io.vquant.engine.runtime;

import io.vquant.engine.sampling.Sampler;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import java.util.OptionalInt;
import java.util.concurrent.locks.Lock;

/**
 * Runs a model over one sequence. The cache always holds the first tokens of the sequence; the
 * others are pending and are computed by the next step, so prefill and decode are one operation.
 */
public final class ModelRunner implements AutoCloseable {
  private final CausalLm model;
  private final Lock deviceLock;
  private final TokenSequence tokens = new TokenSequence();
  private final Checkpoints checkpoints = new Checkpoints();
  private KvCache cache;

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
   * excepted: its logits are needed. A cache that cannot forget single tokens goes back to where an
   * earlier prompt began or ended.
   *
   * @return tokens of the prompt that need not be computed
   */
  public int start(int[] promptIds) {
    int usable = Math.min(tokens.commonPrefix(promptIds), promptIds.length - 1);
    if (cache.length() > usable) {
      goBack(usable);
    }
    checkpoints.dropAfter(usable);
    if (!cache.spec().isPlain() && cache.length() > checkpoints.longest()) {
      checkpoints.add(cache.fork()); // the way back if what follows is taken back
    }
    tokens.replaceBy(promptIds);
    return cache.length();
  }

  private void goBack(int usable) {
    if (cache.canTruncate(usable)) {
      cache.truncate(usable);
      return;
    }
    KvCache checkpoint = checkpoints.latest(usable);
    if (checkpoint == null) {
      cache.truncate(0);
    } else {
      cache.close();
      cache = checkpoint.fork();
    }
  }

  /**
   * Takes another sequence and its cache, which holds the first of its tokens, in place of both.
   */
  public void restore(int[] tokenIds, KvCache other) {
    checkpoints.close();
    cache.close();
    cache = other;
    tokens.replaceBy(tokenIds);
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
      Tensor hidden = lastHidden(listener);
      OptionalInt largest =
          sampler.takesLargest() ? model.greedyToken(hidden) : OptionalInt.empty();
      int token =
          largest.isPresent() ? largest.getAsInt() : sampler.sample(model.logits(hidden), tokens);
      tokens.add(token);
      return token;
    } finally {
      deviceLock.unlock();
    }
  }

  /** The hidden state of the last token; the last of several goes alone, after a checkpoint. */
  private Tensor lastHidden(ForwardListener listener) {
    int first = cache.length();
    int count = tokens.length() - first;
    if (count > 1 && !cache.spec().isPlain()) {
      model.forward(tokens.backingArray(), first, count - 1, cache, listener);
      checkpoints.add(cache.fork());
      return model.forward(
          tokens.backingArray(), first + count - 1, 1, cache, ForwardListener.NONE);
    }
    Tensor hidden = model.forward(tokens.backingArray(), first, count, cache, listener);
    return count == 1 ? hidden : hidden.rows(count - 1, 1);
  }

  @Override
  public void close() {
    checkpoints.close();
    cache.close();
  }
}
