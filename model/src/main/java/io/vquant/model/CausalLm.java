package io.vquant.model;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.List;
import java.util.OptionalInt;

/**
 * A causal language model on one backend. Not safe for two threads at once: calls share buffers,
 * and what a call returns is valid until the next call of the same method.
 */
public interface CausalLm {

  /** Most rows that {@link #logits} takes at once. */
  int MAX_LOGITS_ROWS = 64;

  ModelConfig config();

  /**
   * An empty cache for one sequence. Memory is taken as tokens come.
   *
   * @param maxTokens at most {@link ModelConfig#maxPositionEmbeddings()}
   * @param policy how keys and values are kept
   * @throws IllegalArgumentException if {@code maxTokens} is not from 1 to the model's limit, or
   *     the policy does not fit the model
   */
  KvCache newCache(int maxTokens, KvPolicy policy);

  /** An empty cache that keeps everything as it is, in {@code F32} or {@code BF16}. */
  default KvCache newCache(int maxTokens, DType cacheType) {
    return newCache(maxTokens, KvPolicy.plain(cacheType));
  }

  /**
   * Runs the decoder layers over some tokens that follow those in the cache, and adds them to it.
   * One token is decoding, more are prefill; the result of a row is the same.
   *
   * @param tokenIds holds the ids at {@code first ... first + count - 1}
   * @param count tokens, at least 1
   * @param cache positions start at its length; left as it was when anything is thrown
   * @return {@code [count, hiddenSize]} F32: the residual stream after the last layer, before the
   *     final norm
   * @throws IllegalArgumentException if an id is not below {@code vocabSize}, or the tokens do not
   *     fit into the cache
   * @throws ForwardCancelledException if the listener says so
   */
  Tensor forward(int[] tokenIds, int first, int count, KvCache cache, ForwardListener listener);

  /**
   * The same pass as {@link #forward} in steps, between which other sequences may run: a long
   * prompt then does not hold them up. One pass a cache at a time.
   *
   * @param tokenIds holds the ids at {@code first ... first + count - 1}; not to be changed before
   *     the pass is closed
   * @param count tokens, at least 1
   * @param cache positions start at its length
   * @throws IllegalArgumentException as {@link #forward}
   */
  ForwardPass beginForward(
      int[] tokenIds, int first, int count, KvCache cache, ForwardListener listener);

  /** Most sequences that {@link #decode} takes at once. */
  int maxDecodeRows();

  /**
   * Runs the decoder layers over one token of each of several sequences and adds them to their
   * caches: the weights are read once for all. On host devices a row has the same bits as in {@link
   * #forward} of that token alone; on others rows may be rounded differently, as those of a prompt
   * are.
   *
   * @param tokenIds one a sequence
   * @param caches different ones, as many; each left as it was when anything is thrown
   * @return {@code [caches.size(), hiddenSize]} F32: the residual stream after the last layer
   * @throws IllegalArgumentException if there are none or more than {@link #maxDecodeRows}, an id
   *     is not below {@code vocabSize}, or a cache is full
   */
  Tensor decode(int[] tokenIds, List<KvCache> caches);

  /**
   * Final norm and output layer.
   *
   * @param hidden {@code [rows, hiddenSize]}: rows out of {@link #forward}, 1 to {@link
   *     #MAX_LOGITS_ROWS}
   * @return {@code [rows, vocabSize]} F32 in host memory
   */
  Tensor logits(Tensor hidden);

  /**
   * The token with the largest logit, the first of equal ones; logits stay where they are computed.
   *
   * @param hidden {@code [1, hiddenSize]}: a row out of {@link #forward}
   * @return empty if a logit is not finite
   */
  OptionalInt greedyToken(Tensor hidden);
}
