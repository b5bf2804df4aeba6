package io.vquant.engine;

import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.SymmetricInt;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What to open and how.
 *
 * @param modelDirectory a model folder as the Hugging Face hub lays it out
 * @param nativeCacheDirectory where the tokenizer's native library is unpacked, private to the
 *     user; null opens no tokenizer: then prompts are token ids and results have no text
 * @param device where to compute
 * @param threads threads that compute, at least 1
 * @param contextLength most tokens of prompt and answer; {@link #MODEL_LIMIT} for the model's own
 *     limit
 * @param kvPolicy how keys and values are kept
 * @param prefill codes of queries and keys in attention of prompts; empty: exact. Layers with a
 *     plain KV policy are exact in any case
 * @param weights how weights are kept: as stored, or quantized while they are loaded
 * @param loadProgress told how far loading has come
 */
public record EngineOptions(
    Path modelDirectory,
    @Nullable Path nativeCacheDirectory,
    Device device,
    int threads,
    int contextLength,
    KvPolicy kvPolicy,
    Optional<SymmetricInt> prefill,
    WeightPolicy weights,
    LoadProgress loadProgress) {

  /** {@link #contextLength} that takes the model's own limit. */
  public static final int MODEL_LIMIT = 0;

  public EngineOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads " + threads + ": expected 1 or more");
    }
    if (contextLength < 0) {
      throw new IllegalArgumentException("context " + contextLength + ": expected 1 or more");
    }
  }

  /**
   * The CPU with all its cores, the model's own context limit, keys and values kept near lossless,
   * no progress.
   */
  public static EngineOptions of(Path modelDirectory, @Nullable Path nativeCacheDirectory) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        Device.CPU,
        Runtime.getRuntime().availableProcessors(),
        MODEL_LIMIT,
        KvPolicy.nearLossless(),
        Optional.empty(),
        WeightPolicy.STORED,
        LoadProgress.NONE);
  }

  public EngineOptions withDevice(Device value) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        value,
        threads,
        contextLength,
        kvPolicy,
        prefill,
        weights,
        loadProgress);
  }

  public EngineOptions withThreads(int value) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        device,
        value,
        contextLength,
        kvPolicy,
        prefill,
        weights,
        loadProgress);
  }

  public EngineOptions withContextLength(int value) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        device,
        threads,
        value,
        kvPolicy,
        prefill,
        weights,
        loadProgress);
  }

  public EngineOptions withKvPolicy(KvPolicy value) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        device,
        threads,
        contextLength,
        value,
        prefill,
        weights,
        loadProgress);
  }

  public EngineOptions withPrefill(Optional<SymmetricInt> value) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        device,
        threads,
        contextLength,
        kvPolicy,
        value,
        weights,
        loadProgress);
  }

  public EngineOptions withWeights(WeightPolicy value) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        device,
        threads,
        contextLength,
        kvPolicy,
        prefill,
        value,
        loadProgress);
  }

  public EngineOptions withLoadProgress(LoadProgress value) {
    return new EngineOptions(
        modelDirectory,
        nativeCacheDirectory,
        device,
        threads,
        contextLength,
        kvPolicy,
        prefill,
        weights,
        value);
  }
}
