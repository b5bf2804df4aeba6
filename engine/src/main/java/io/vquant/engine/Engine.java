package io.vquant.engine;

import io.vquant.engine.batching.BatchModel;
import io.vquant.engine.batching.BatchOptions;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.engine.runtime.ComparedLogitsPass;
import io.vquant.engine.runtime.LogitsFile;
import io.vquant.engine.runtime.LogitsPass;
import io.vquant.engine.runtime.MachineMemory;
import io.vquant.engine.runtime.ModelRunner;
import io.vquant.engine.runtime.WeightFiles;
import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import io.vquant.model.loading.RandomModel;
import io.vquant.model.loading.WeightMemory;
import io.vquant.model.loading.WeightPlan;
import io.vquant.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A model that is ready to run on one device. One engine serves any number of sessions.
 *
 * {@snippet class="io.vquant.engine.EngineExampleTest" region="example"}
 *
 * <p>Safe for several threads: sessions take turns at the device.
 */
public final class Engine implements AutoCloseable {
  private final EngineOptions options;
  private final int contextLength;
  private final KernelBackend backend;
  private final LoadedModel loaded;
  private final @Nullable Tokenizer tokenizer;
  private final GenerationDefaults generationDefaults;
  private final MemoryPlan memoryPlan;
  private final Lock deviceLock = new ReentrantLock();

  private Engine(
      EngineOptions options,
      int contextLength,
      KernelBackend backend,
      LoadedModel loaded,
      @Nullable Tokenizer tokenizer,
      GenerationDefaults generationDefaults) {
    this.options = options;
    this.contextLength = contextLength;
    this.backend = backend;
    this.loaded = loaded;
    this.tokenizer = tokenizer;
    this.generationDefaults = generationDefaults;
    memoryPlan = memoryPlan(contextLength, options.kvPolicy());
  }

  /**
   * Opens a model folder: reads its configuration, maps its weights, opens its tokenizer.
   *
   * @throws io.vquant.model.MalformedConfigException if {@code config.json} or {@code
   *     generation_config.json} is damaged or asks for something that is not supported
   * @throws io.vquant.weights.MalformedCheckpointException if the weights are damaged or do not fit
   *     the configuration
   * @throws io.vquant.tokenizer.MalformedTokenizerException if the tokenizer's files are damaged
   * @throws IllegalArgumentException if the context asked for is longer than the model's limit
   * @throws NotEnoughMemoryException if weights, one session's cache and scratch memory would not
   *     fit; nothing has been allocated then
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if the device cannot run it
   */
  public static Engine open(EngineOptions options) {
    Path directory = options.modelDirectory();
    try (TokenizerOpening opening =
        new TokenizerOpening(directory, options.nativeCacheDirectory())) {
      ModelConfig config = ModelLoader.readConfig(directory);
      GenerationDefaults defaults = GenerationDefaults.read(directory, config);
      int contextLength = contextLength(options, config);
      MemoryPlan plan = plan(config, WeightFiles.byteSize(directory), contextLength, options);
      return open(options, defaults, plan, opening);
    }
  }

  private static Engine open(
      EngineOptions options,
      GenerationDefaults defaults,
      MemoryPlan plan,
      TokenizerOpening opening) {
    KernelBackend backend =
        Backends.open(options.device(), new BackendOptions(options.threads(), options.prefill()));
    LoadedModel loaded = null;
    try {
      requireMemory(plan, backend);
      options.loadProgress().planned(plan);
      LoadProgress progress = options.loadProgress();
      if (backend.device().isHost()) {
        boolean quantizes = options.weights().quantizes();
        loaded = load(options, backend, quantizes ? progress::advanced : LoadListener.NONE);
        loaded.prefetch(quantizes ? LoadListener.NONE : progress::advanced);
      } else {
        loaded = load(options, backend, progress::advanced);
      }
      return new Engine(options, plan.tokens(), backend, loaded, opening.take(), defaults);
    } catch (Throwable failure) {
      if (loaded != null) {
        loaded.close();
      }
      backend.close();
      throw failure;
    }
  }

  private static LoadedModel load(
      EngineOptions options, KernelBackend backend, LoadListener listener) {
    return ModelLoader.load(options.modelDirectory(), backend, options.weights(), listener);
  }

  /**
   * Makes a model of random weights, for measuring speed; it has no tokenizer.
   *
   * @param options its folder is not read
   * @throws IllegalArgumentException if the context asked for is longer than the model's limit
   * @throws NotEnoughMemoryException as {@link #open}
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if the device cannot run it
   */
  public static Engine openRandom(ModelShape shape, EngineOptions options) {
    ModelConfig config = shape.config();
    int contextLength = contextLength(options, config);
    MemoryPlan plan = plan(config, RandomModel.byteSize(config), contextLength, options);
    KernelBackend backend =
        Backends.open(options.device(), new BackendOptions(options.threads(), options.prefill()));
    try {
      requireMemory(plan, backend);
      options.loadProgress().planned(plan);
      LoadProgress progress = options.loadProgress();
      LoadedModel loaded = RandomModel.make(config, backend, options.weights(), progress::advanced);
      GenerationDefaults defaults =
          new GenerationDefaults(SamplingParams.greedy(), config.tokens().eos());
      return new Engine(options, contextLength, backend, loaded, null, defaults);
    } catch (Throwable failure) {
      backend.close();
      throw failure;
    }
  }

  private static MemoryPlan plan(
      ModelConfig config, long storedByteSize, int contextLength, EngineOptions options) {
    return MemoryPlan.of(
            config,
            WeightPlan.byteSize(config, storedByteSize, options.weights()),
            contextLength,
            options.kvPolicy(),
            options.device())
        .withScratch(WeightPlan.scratchByteSize(config, options.weights(), options.device()));
  }

  private static int contextLength(EngineOptions options, ModelConfig config) {
    int limit = config.maxPositionEmbeddings();
    if (options.contextLength() > limit) {
      throw new IllegalArgumentException(
          "context " + options.contextLength() + ": the model's limit is " + limit);
    }
    return options.contextLength() == EngineOptions.MODEL_LIMIT ? limit : options.contextLength();
  }

  private static long availableBytes(KernelBackend backend) {
    return backend.freeByteSize().orElseGet(MachineMemory.ofThisMachine()::availableBytes);
  }

  private static void requireMemory(MemoryPlan plan, KernelBackend backend) {
    long available = availableBytes(backend);
    if (plan.totalByteSize() > available) {
      throw new NotEnoughMemoryException(
          "not enough memory for "
              + plan.tokens()
              + " tokens of context (weights "
              + NotEnoughMemoryException.mebibytes(plan.weightByteSize())
              + ", KV cache "
              + NotEnoughMemoryException.mebibytes(plan.cacheByteSize())
              + ", scratch "
              + NotEnoughMemoryException.mebibytes(plan.scratchByteSize())
              + ")",
          plan.totalByteSize(),
          available);
    }
  }

  /**
   * A new conversation with an empty KV cache for {@link #contextLength} tokens.
   *
   * @throws NotEnoughMemoryException if that cache, full, would not fit
   */
  public GenerationSession newSession() {
    return newSession(options.kvPolicy());
  }

  /** The same with a KV cache of another policy than the engine's. */
  public GenerationSession newSession(KvPolicy policy) {
    return new GenerationSession(
        this, new ModelRunner(loaded.model(), deviceLock, newCache(contextLength, policy)));
  }

  /** A scorer of token ids with a cache of its own, for evaluation protocols. */
  public EngineTokenScorer newTokenScorer() {
    return newTokenScorer(ScoringMode.PREFILL, ScoringListener.NONE);
  }

  /** The same in a mode of choice, watched. */
  public EngineTokenScorer newTokenScorer(ScoringMode mode, ScoringListener listener) {
    return new EngineTokenScorer(
        new ScoringRules(contextLength, mode, listener), newLogitsPass(contextLength));
  }

  /**
   * A scorer that runs the model with one KV cache of each given policy, and compares each with a
   * base's. Its buffers, a row of hidden state a token of context and some rows of logits, are
   * freed when the engine closes.
   *
   * @param policies at least one
   * @throws NotEnoughMemoryException if the caches, full, would not fit
   */
  public EngineDivergenceScorer newDivergenceScorer(
      KvPolicy base, List<KvPolicy> policies, ScoringMode mode, ScoringListener listener) {
    return newDivergenceScorer(this, base, policies, mode, listener);
  }

  /**
   * The same against another engine, such as one with other weights.
   *
   * @param baseEngine of the same vocabulary, on host memory; only one thread may use it meanwhile
   */
  public EngineDivergenceScorer newDivergenceScorer(
      Engine baseEngine,
      KvPolicy base,
      List<KvPolicy> policies,
      ScoringMode mode,
      ScoringListener listener) {
    List<KvPolicy> all = new ArrayList<>(policies);
    all.add(base);
    requireCacheMemory(contextLength, all);
    CausalLm causalLm = loaded.model();
    List<KvCache> caches =
        policies.stream().map(policy -> causalLm.newCache(contextLength, policy)).toList();
    return new EngineDivergenceScorer(
        new ScoringRules(contextLength, mode, listener),
        new ComparedLogitsPass(
            causalLm,
            backend,
            deviceLock,
            baseEngine.loaded.model(),
            baseEngine.loaded.model().newCache(contextLength, base),
            caches));
  }

  /**
   * A scheduler that runs many sequences at once; close it before the engine.
   *
   * @throws IllegalArgumentException if the options leave no room for one sequence
   * @throws NotEnoughMemoryException if the caches, full, would not fit
   */
  public BatchScheduler newScheduler(BatchOptions batch) {
    long available = availableBytes(backend);
    if (batch.cacheByteSize() > available) {
      throw new NotEnoughMemoryException(
          "not enough memory for the KV caches of " + batch.slots() + " sequences",
          batch.cacheByteSize(),
          available);
    }
    KvCache emptyCache = loaded.model().newCache(contextLength, options.kvPolicy());
    try {
      return new BatchScheduler(
          new BatchModel(
              loaded.model(),
              deviceLock,
              emptyCache,
              backend.device().isHost() && options.prefill().isEmpty(),
              tokenizer,
              Set.copyOf(generationDefaults.eosTokenIds()),
              contextLength),
          batch);
    } catch (RuntimeException failure) {
      emptyCache.close();
      throw failure;
    }
  }

  /** Bytes that may still be taken where the model runs. */
  public long availableBytes() {
    return availableBytes(backend);
  }

  /** Shows what attention of a prompt is computed from. */
  public AttentionProbe newAttentionProbe() {
    return new AttentionProbe(this, loaded.model(), backend, deviceLock);
  }

  /**
   * This engine as evaluation tasks see a model; needs the tokenizer.
   *
   * @param listener may end what is under way with a {@link
   *     io.vquant.model.ForwardCancelledException}
   */
  public EngineLanguageModel newLanguageModel(ScoringListener listener) {
    return new EngineLanguageModel(this, listener);
  }

  /** This engine as the needle test sees a model; as {@link #newLanguageModel}. */
  public EngineNeedleModel newNeedleModel(ScoringListener listener) {
    return new EngineNeedleModel(this, listener);
  }

  /**
   * Writes the logits of every position, for comparing engines: tensors {@code input_ids} I64 [T],
   * {@code logits} F32 [T, vocabSize] and, with hidden states, {@code hidden.0} (embedding) to
   * {@code hidden.N} (after the final norm) F32 [T, hiddenSize].
   *
   * @param file a safetensors file, replaced when it is there; appears when it is complete
   * @param listener told how far the layers are
   * @throws InvalidPromptException if there are no tokens, more than the context holds, or ids that
   *     the model does not have
   * @throws IOException if the file cannot be written
   */
  public void writeLogits(
      Path file, int[] tokenIds, boolean hiddenStates, GenerationListener listener)
      throws IOException {
    requireValid(tokenIds);
    ForwardListener progress =
        new ForwardListener() {
          @Override
          public void progress(long doneWork, long totalWork) {
            listener.onPrefill(doneWork, totalWork);
          }
        };
    try (LogitsPass pass = newLogitsPass(tokenIds.length)) {
      new LogitsFile(config(), pass).write(file, tokenIds, hiddenStates, progress);
    }
  }

  private LogitsPass newLogitsPass(int maxTokens) {
    return new LogitsPass(loaded.model(), deviceLock, newCache(maxTokens));
  }

  KvCache newCache(int maxTokens) {
    return newCache(maxTokens, options.kvPolicy());
  }

  SortedMap<String, String> snapshotOrigin(KvCacheSpec spec) throws IOException {
    return SnapshotOrigin.of(options, spec);
  }

  private KvCache newCache(int maxTokens, KvPolicy policy) {
    requireCacheMemory(maxTokens, List.of(policy));
    return loaded.model().newCache(maxTokens, policy);
  }

  private void requireCacheMemory(int maxTokens, List<KvPolicy> policies) {
    long byteSize = 0;
    for (KvPolicy policy : policies) {
      byteSize += memoryPlan(maxTokens, policy).cacheByteSize();
    }
    long available = availableBytes(backend);
    if (byteSize > available) {
      throw new NotEnoughMemoryException(
          "not enough memory for a KV cache of " + maxTokens + " tokens", byteSize, available);
    }
  }

  private MemoryPlan memoryPlan(int tokens, KvPolicy policy) {
    return MemoryPlan.of(config(), loaded.weightBytes(), tokens, policy, device())
        .withScratch(WeightPlan.scratchByteSize(config(), options.weights(), device()));
  }

  public ModelConfig config() {
    return loaded.config();
  }

  /**
   * The model's tokenizer.
   *
   * @throws IllegalStateException if the engine was opened without one
   */
  public Tokenizer tokenizer() {
    return optionalTokenizer()
        .orElseThrow(() -> new IllegalStateException("this engine was opened without a tokenizer"));
  }

  Optional<Tokenizer> optionalTokenizer() {
    return Optional.ofNullable(tokenizer);
  }

  /** Sampling parameters and ends of answers, as the model's maker gives them. */
  public GenerationDefaults generationDefaults() {
    return generationDefaults;
  }

  /** Most tokens of a prompt and its answer together. */
  public int contextLength() {
    return contextLength;
  }

  /** Where the model runs. */
  public Device device() {
    return backend.device();
  }

  /** Threads that compute. */
  public int threads() {
    return backend.threads();
  }

  /** How keys and values are kept. */
  public KvPolicy kvPolicy() {
    return options.kvPolicy();
  }

  /** Bits that a number takes in the cache of so many tokens, everything counted. */
  public double kvEffectiveBits(int tokens) {
    return kvEffectiveBits(options.kvPolicy(), tokens);
  }

  /** The same under another policy. */
  public double kvEffectiveBits(KvPolicy policy, int tokens) {
    return config().cacheSpec(tokens, policy).effectiveBits(tokens);
  }

  /** Memory of the weights, of one full session and of scratch. */
  public MemoryPlan memoryPlan() {
    return memoryPlan;
  }

  /** What the weights take. */
  public WeightMemory weightMemory() {
    return loaded.weightMemory();
  }

  /** How the weights are kept, be it that they are stored so. */
  public WeightPolicy weights() {
    WeightPolicy stored = config().storedWeights();
    return stored.quantizes() ? stored : options.weights();
  }

  /** Numbers that were learned. */
  public long parameterCount() {
    return loaded.parameterCount();
  }

  /** What was accepted or converted at load and may be worth telling, one line each. */
  public List<String> notices() {
    return loaded.notices();
  }

  /**
   * Checks a request against this model.
   *
   * @throws InvalidPromptException if the prompt leaves no room in the context, or holds ids that
   *     the model does not have
   * @throws IllegalArgumentException if stop strings are asked for without a tokenizer
   */
  public void requireValid(GenerationRequest request) {
    int promptTokens = request.promptTokens();
    if (promptTokens >= contextLength) {
      throw new InvalidPromptException(
          "prompt of "
              + promptTokens
              + " tokens: the context holds "
              + contextLength
              + ", at least 1 of them for the answer");
    }
    requireKnown(request.promptIds());
    if (tokenizer == null && !request.stopStrings().isEmpty()) {
      throw new IllegalArgumentException(
          "stop text \"" + request.stopStrings().getFirst() + "\": needs a tokenizer");
    }
  }

  /** Refuses tokens that one pass cannot take. */
  void requireValid(int[] tokenIds) {
    requireKnown(tokenIds);
    if (tokenIds.length == 0 || tokenIds.length > contextLength) {
      throw new InvalidPromptException(
          tokenIds.length + " tokens: expected 1 to " + contextLength + ", the context");
    }
  }

  private void requireKnown(int[] tokenIds) {
    int vocabSize = config().vocabSize();
    for (int id : tokenIds) {
      if (id < 0 || id >= vocabSize) {
        throw new InvalidPromptException(
            "token id " + id + ": expected 0 to " + (vocabSize - 1) + ", the model's vocabulary");
      }
    }
  }

  /** Frees everything; sessions of this engine must be closed before. */
  @Override
  public void close() {
    if (tokenizer != null) {
      tokenizer.close();
    }
    loaded.close();
    backend.close();
  }
}
