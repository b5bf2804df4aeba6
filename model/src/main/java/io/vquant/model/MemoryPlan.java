package io.vquant.model;

import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.Device;

/**
 * What running a model takes, computed before anything is allocated. Sizes that pass 2^63 - 1 bytes
 * are reported as that.
 *
 * @param weightByteSize bytes of the weights, mapped or converted
 * @param cacheByteSizePerToken bytes of a token's keys and values in whole pages, all layers
 * @param cacheByteSize bytes of the cache of one sequence of {@code tokens} tokens, in whole pages
 * @param scratchByteSize bytes of activations for a prompt of {@code tokens} tokens
 * @param tokens the length that the plan is for
 * @param layers decoder layers, which share the cache
 */
public record MemoryPlan(
    long weightByteSize,
    long cacheByteSizePerToken,
    long cacheByteSize,
    long scratchByteSize,
    int tokens,
    int layers) {

  private static final int HOST_CHUNK_ROWS = 256;

  /** A product of fewer rows leaves most of a GPU idle. */
  private static final int DEVICE_CHUNK_ROWS = 2048;

  /** Rows that a layer computes at once in prefill on a device; chunks start at its multiples. */
  public static int chunkRows(Device device) {
    return device.isHost() ? HOST_CHUNK_ROWS : DEVICE_CHUNK_ROWS;
  }

  /**
   * The plan for one sequence.
   *
   * @param weightByteSize bytes of the stored weights
   * @param tokens prompt and continuation, at least 1
   */
  public static MemoryPlan of(
      ModelConfig config, long weightByteSize, int tokens, KvPolicy policy) {
    return of(config, weightByteSize, tokens, policy, Device.CPU);
  }

  /** The same on a device: larger chunks take more scratch. */
  public static MemoryPlan of(
      ModelConfig config, long weightByteSize, int tokens, KvPolicy policy, Device device) {
    if (tokens < 1) {
      throw new IllegalArgumentException("tokens " + tokens + ": expected at least 1");
    }
    KvCacheSpec cache = config.cacheSpec(tokens, policy);
    return new MemoryPlan(
        weightByteSize,
        cache.pageByteSizePerToken(),
        cache.byteSize(tokens),
        saturatingSum(
            scratchByteSize(config, tokens, chunkRows(device)), cache.passByteSize(tokens)),
        tokens,
        config.numHiddenLayers());
  }

  /** The same with more scratch memory. */
  public MemoryPlan withScratch(long more) {
    return new MemoryPlan(
        weightByteSize,
        cacheByteSizePerToken,
        cacheByteSize,
        saturatingSum(scratchByteSize, more),
        tokens,
        layers);
  }

  /** All together. */
  public long totalByteSize() {
    return saturatingSum(weightByteSize, saturatingSum(cacheByteSize, scratchByteSize));
  }

  private static long scratchByteSize(ModelConfig config, int tokens, int chunkRows) {
    long chunkColumns =
        2L * config.hiddenSize()
            + 2L * config.queryColumns()
            + 2L * config.keyValueColumns()
            + 2L * config.intermediateSize();
    long chunk = saturatingProduct(chunkRows, chunkColumns, Float.BYTES);
    long stream = saturatingProduct(Math.max(tokens, chunkRows), config.hiddenSize(), Float.BYTES);
    long output =
        saturatingProduct(1, (long) config.hiddenSize() + config.vocabSize(), Float.BYTES);
    return saturatingSum(chunk, saturatingSum(stream, output));
  }

  private static long saturatingProduct(long a, long b, long c) {
    try {
      return Math.multiplyExact(Math.multiplyExact(a, b), c);
    } catch (ArithmeticException overflow) {
      return Long.MAX_VALUE;
    }
  }

  private static long saturatingSum(long a, long b) {
    return a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b;
  }
}
