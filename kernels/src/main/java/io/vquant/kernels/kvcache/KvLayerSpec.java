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
    KvPageLayout packed = new KvPageLayout(policy.format(), numKvHeads, headDim);
    int held = Math.min(tokens, Math.min(slidingWindow, Integer.MAX_VALUE - 64) + 64);
    if (policy.isPlain()) {
      return pages(tokens) * packed.byteSize();
    }
    long tile = new PageLayout(numKvHeads, headDim, DType.BF16).byteSize();
    int ring = Math.min(tokens, policy.ringTokens());
    long packedPages = pages(held - Math.min(held, policy.window()));
    long slab = tokens <= policy.ringTokens() ? 0 : pages(policy.slabRows(tokens));
    long masks = packedPages * numKvHeads * Long.BYTES;
    return pages(ring) * tile + slab * tile + packedPages * packed.byteSize() + masks;
  }

  private static long pages(int tokens) {
    return Math.ceilDiv(tokens, PageLayout.TOKENS);
  }
}
