package io.vquant.kernels.kvcache;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.tensor.DType;

/**
 * One layer of a cache: what the policy says, and what the model's attention sees.
 *
 * @param policy how keys and values are kept
 * @param slidingWindow of the layer's attention, or {@link AttentionSpec#NO_WINDOW}
 */
public record KvLayerSpec(KvLayerPolicy policy, int slidingWindow) {

  public KvLayerSpec {
    if (slidingWindow < 1) {
      throw new IllegalArgumentException("sliding window " + slidingWindow + ": expected >= 1");
    }
    if (!policy.isPlain() && slidingWindow < policy.ringTokens()) {
      throw new IllegalArgumentException(
          "a sliding window of "
              + slidingWindow
              + " tokens is shorter than the "
              + policy.ringTokens()
              + " that "
              + policy.format()
              + " keeps in 16 bits: nothing would be packed; expected bf16 or f32");
    }
  }

  /** A layer in a plain format that sees all tokens. */
  public static KvLayerSpec plain(DType dtype) {
    return new KvLayerSpec(KvLayerPolicy.of(KvFormats.plain(dtype)), AttentionSpec.NO_WINDOW);
  }

  /** First position that a query at {@code position} sees. */
  public int firstVisible(int position) {
    return slidingWindow == AttentionSpec.NO_WINDOW ? 0 : Math.max(0, position - slidingWindow + 1);
  }

  /**
   * Bytes of the layer when {@code tokens} tokens are cached and no pass is under way: pages, slab,
   * ring and line masks.
   */
  public long byteSize(int numKvHeads, int headDim, int tokens) {
    long page = ByteCount.product(numKvHeads, policy.format().headByteSize(headDim));
    if (policy.isPlain()) {
      return ByteCount.product(pages(tokens), page);
    }
    long seen = Math.min(tokens, (long) slidingWindow + PageLayout.TOKENS);
    long packed = pages(Math.max(0, seen - policy.window()));
    long slab = packed == 0 ? 0 : pages(policy.slabRows(tokens));
    long ring = pages(Math.min(tokens, policy.ringTokens()));
    long tile = tileByteSize(numKvHeads, headDim);
    return ByteCount.sum(
        ByteCount.product(packed, page),
        ByteCount.product(slab + ring, tile),
        ByteCount.product(pages(Math.max(0, tokens - policy.window())), numKvHeads, Long.BYTES));
  }

  /** Bytes of 64 tokens of all heads as they are computed, before any packing. */
  public long unpackedPageByteSize(int numKvHeads, int headDim) {
    return policy.isPlain()
        ? ByteCount.product(numKvHeads, policy.format().headByteSize(headDim))
        : tileByteSize(numKvHeads, headDim);
  }

  /** Bytes of 64 tokens of all heads in 16 bits. */
  static long tileByteSize(int numKvHeads, int headDim) {
    return ByteCount.product(2L * Short.BYTES * PageLayout.TOKENS, numKvHeads, headDim);
  }

  private static long pages(long tokens) {
    return Math.ceilDiv(tokens, (long) PageLayout.TOKENS);
  }
}
