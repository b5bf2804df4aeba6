package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.DType;
import java.util.Collections;
import java.util.List;

/**
 * The shape of one sequence's cache.
 *
 * @param numKvHeads KV heads a layer
 * @param headDim channels a head
 * @param maxTokens most tokens it may ever hold (memory is taken page by page, as tokens come)
 * @param layers one entry a transformer layer
 */
public record KvCacheSpec(int numKvHeads, int headDim, int maxTokens, List<KvLayerSpec> layers) {

  public KvCacheSpec {
    layers = List.copyOf(layers);
    if (layers.isEmpty() || numKvHeads < 1 || headDim < 1 || maxTokens < 1) {
      throw new IllegalArgumentException(
          "KV cache sizes must be positive: "
              + layers.size()
              + " layers, "
              + numKvHeads
              + " KV heads, head size "
              + headDim
              + ", "
              + maxTokens
              + " tokens");
    }
    for (KvLayerSpec layer : layers) {
      // Refuses head sizes that an encoding does not store.
      layer.policy().format().headByteSize(headDim);
    }
  }

  /** A cache whose layers are all of one plain type, {@code F32} or {@code BF16}. */
  public KvCacheSpec(int numLayers, int numKvHeads, int headDim, int maxTokens, DType dtype) {
    this(
        numKvHeads,
        headDim,
        maxTokens,
        Collections.nCopies(Math.max(0, numLayers), KvLayerSpec.plain(dtype)));
  }

  /** Whether every layer keeps everything as it is. */
  public boolean isPlain() {
    return layers.stream().allMatch(layer -> layer.policy().isPlain());
  }

  public int numLayers() {
    return layers.size();
  }

  /** Bytes of the cache when {@code tokens} tokens are in it and no pass is under way. */
  public long byteSize(int tokens) {
    long total = 0;
    for (KvLayerSpec layer : layers) {
      total = ByteCount.sum(total, layer.byteSize(numKvHeads, headDim, tokens));
    }
    return total;
  }

  /** Bytes that a token takes in pages, once it has left ring and slab; all layers. */
  public long pageByteSizePerToken() {
    long total = 0;
    for (KvLayerSpec layer : layers) {
      long head = layer.policy().format().headByteSize(headDim);
      total = ByteCount.sum(total, ByteCount.product(numKvHeads, head));
    }
    return total / PageLayout.TOKENS;
  }

  /**
   * Bytes beyond {@link #byteSize} while a prompt of {@code tokens} tokens goes through: keys and
   * values of one layer in 16 bits until its last row is done.
   */
  public long passByteSize(int tokens) {
    boolean packs = layers.stream().anyMatch(layer -> !layer.policy().isPlain());
    long tiles = Math.ceilDiv(tokens, PageLayout.TOKENS);
    return packs ? ByteCount.product(tiles, KvLayerSpec.tileByteSize(numKvHeads, headDim)) : 0;
  }

  /** Bits of a stored number when {@code tokens} tokens are cached, everything counted. */
  public double effectiveBits(int tokens) {
    double numbers = 2.0 * numKvHeads * headDim * tokens * numLayers();
    return byteSize(tokens) * (double) Byte.SIZE / numbers;
  }
}
