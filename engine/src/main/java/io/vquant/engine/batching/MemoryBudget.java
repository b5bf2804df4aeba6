package io.vquant.engine.batching;

import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.PageLayout;

/** What sequences will take of cache memory, known before it is taken. */
final class MemoryBudget {
  private final KvCacheSpec spec;
  private final long byteSize;

  /**
   * @param byteSize for all sequences and shared pages together
   */
  MemoryBudget(KvCacheSpec spec, long byteSize) {
    this.spec = spec;
    this.byteSize = byteSize;
  }

  long byteSize() {
    return byteSize;
  }

  /** Bytes of the cache of so many tokens and up to a page more. */
  long sequenceByteSize(int tokens) {
    long pages = tokens / PageLayout.TOKENS + 1L;
    return spec.byteSize((int) Math.min(pages * PageLayout.TOKENS, spec.maxTokens()));
  }

  /** Bytes beyond that while a prompt of so many tokens goes through. */
  long promptByteSize(int tokens) {
    return spec.passByteSize(tokens);
  }

  /** Bytes of 64 tokens of all layers as they are before packing. */
  static long sharedPageByteSize(KvCacheSpec spec) {
    long total = 0;
    for (KvLayerSpec layer : spec.layers()) {
      total += layer.unpackedPageByteSize(spec.numKvHeads(), spec.headDim());
    }
    return total;
  }
}
