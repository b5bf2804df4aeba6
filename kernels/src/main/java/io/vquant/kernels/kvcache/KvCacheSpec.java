package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.DType;

/**
 * The size of one sequence's cache.
 *
 * @param numLayers transformer layers
 * @param numKvHeads KV heads a layer
 * @param headDim channels a head
 * @param maxTokens most tokens it may ever hold (memory is taken page by page, as tokens come)
 * @param dtype element type of keys and values: {@code F32} or {@code BF16}
 */
public record KvCacheSpec(int numLayers, int numKvHeads, int headDim, int maxTokens, DType dtype) {

  public KvCacheSpec {
    if (numLayers < 1 || numKvHeads < 1 || headDim < 1 || maxTokens < 1) {
      throw new IllegalArgumentException(
          "KV cache sizes must be positive: "
              + numLayers
              + " layers, "
              + numKvHeads
              + " KV heads, head size "
              + headDim
              + ", "
              + maxTokens
              + " tokens");
    }
    if (dtype == DType.F16) {
      throw new IllegalArgumentException("KV cache dtype F16: expected F32 or BF16");
    }
  }

  /** Bytes of all pages when {@code tokens} tokens are cached. */
  public long byteSize(int tokens) {
    long pages = Math.ceilDiv(tokens, PageLayout.TOKENS);
    return Math.multiplyExact(
        Math.multiplyExact(pages, (long) numLayers),
        new PageLayout(numKvHeads, headDim, dtype).byteSize());
  }
}
