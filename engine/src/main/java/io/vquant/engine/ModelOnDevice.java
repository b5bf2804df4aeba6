package io.vquant.engine;

import io.vquant.engine.batching.BatchModel;
import io.vquant.engine.batching.BatchOptions;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.engine.runtime.ComparedLogitsPass;
import io.vquant.engine.runtime.LogitsPass;
import io.vquant.engine.runtime.MachineMemory;
import io.vquant.engine.runtime.ModelRunner;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.model.CausalLm;
import io.vquant.model.MemoryPlan;
import io.vquant.model.loading.LoadedModel;
import io.vquant.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Loaded weights, the backend that computes with them, and the lock that its users take turns by.
 * Makes the caches and whatever runs the model with one; a cache that would not fit, full, is
 * refused with a {@link NotEnoughMemoryException} before anything is allocated for it.
 */
final class ModelOnDevice implements AutoCloseable {
  private final KernelBackend backend;
  private final LoadedModel loaded;
  private final int contextLength;
  private final Lock deviceLock = new ReentrantLock();

  /** Owns both from now on. */
  ModelOnDevice(KernelBackend backend, LoadedModel loaded, int contextLength) {
    this.backend = backend;
    this.loaded = loaded;
    this.contextLength = contextLength;
  }

  KernelBackend backend() {
    return backend;
  }

  LoadedModel loaded() {
    return loaded;
  }

  CausalLm causalLm() {
    return loaded.model();
  }

  /** Held while the model computes. */
  Lock deviceLock() {
    return deviceLock;
  }

  /** Most tokens of a prompt and its answer together. */
  int contextLength() {
    return contextLength;
  }

  /** Bytes that may still be taken where the model runs. */
  long availableBytes() {
    return availableBytes(backend);
  }

  /** Bytes that may still be taken where a backend computes. */
  static long availableBytes(KernelBackend backend) {
    return backend.freeByteSize().orElseGet(MachineMemory.ofThisMachine()::availableBytes);
  }

  MemoryPlan memoryPlan(int tokens, KvPolicy policy) {
    return loaded.memoryPlan(tokens, policy, backend.device());
  }

  KvCache newCache(int maxTokens, KvPolicy policy) {
    requireCacheMemory(maxTokens, List.of(policy));
    return causalLm().newCache(maxTokens, policy);
  }

  /** Runs one sequence of up to the context's length. */
  ModelRunner newRunner(KvPolicy policy) {
    return new ModelRunner(causalLm(), deviceLock, newCache(contextLength, policy));
  }

  LogitsPass newLogitsPass(int maxTokens, KvPolicy policy) {
    return new LogitsPass(causalLm(), deviceLock, newCache(maxTokens, policy));
  }

  /** Runs this model with a cache of each policy, and a base model beside it. */
  ComparedLogitsPass newComparedPass(
      ModelOnDevice baseModel, KvPolicy base, List<KvPolicy> policies) {
    List<KvPolicy> all = new ArrayList<>(policies);
    all.add(base);
    requireCacheMemory(contextLength, all);
    List<KvCache> caches =
        policies.stream().map(policy -> causalLm().newCache(contextLength, policy)).toList();
    return new ComparedLogitsPass(
        causalLm(),
        backend,
        deviceLock,
        baseModel.causalLm(),
        baseModel.causalLm().newCache(contextLength, base),
        caches);
  }

  /**
   * Runs many sequences at once, with one policy.
   *
   * @param exactPrefill whether prefill attention is computed in full precision
   */
  BatchScheduler newScheduler(
      BatchOptions batch,
      KvPolicy policy,
      boolean exactPrefill,
      @Nullable Tokenizer tokenizer,
      Set<Integer> eosTokenIds) {
    requireAvailable("the KV caches of " + batch.slots() + " sequences", batch.cacheByteSize());
    KvCache emptyCache = causalLm().newCache(contextLength, policy);
    try {
      backend.expectSequences();
      return new BatchScheduler(
          new BatchModel(
              backend,
              causalLm(),
              deviceLock,
              emptyCache,
              backend.device().isHost() && exactPrefill,
              tokenizer,
              eosTokenIds,
              contextLength),
          batch);
    } catch (RuntimeException failure) {
      emptyCache.close();
      throw failure;
    }
  }

  private void requireCacheMemory(int maxTokens, List<KvPolicy> policies) {
    long byteSize = 0;
    for (KvPolicy policy : policies) {
      byteSize += memoryPlan(maxTokens, policy).cacheByteSize();
    }
    requireAvailable("a KV cache of " + maxTokens + " tokens", byteSize);
  }

  private void requireAvailable(String purpose, long byteSize) {
    long available = availableBytes();
    if (byteSize > available) {
      throw new NotEnoughMemoryException("not enough memory for " + purpose, byteSize, available);
    }
  }

  @Override
  public void close() {
    loaded.close();
    backend.close();
  }
}
