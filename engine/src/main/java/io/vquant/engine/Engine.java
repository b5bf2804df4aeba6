package io.vquant.engine;

import io.vquant.engine.batching.BatchOptions;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.engine.runtime.LogitsFile;
import io.vquant.engine.runtime.LogitsPass;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.ForwardListener;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import io.vquant.model.loading.ModelLoader;
import io.vquant.model.loading.WeightMemory;
import io.vquant.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
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
  private final ModelOnDevice model;
  private final @Nullable Tokenizer tokenizer;
  private final GenerationDefaults generationDefaults;
  private final MemoryPlan memoryPlan;
  private final PromptLimits limits;

  private Engine(
      EngineOptions options,
      ModelOnDevice model,
      @Nullable Tokenizer tokenizer,
      GenerationDefaults generationDefaults) {
    this.options = options;
    this.model = model;
    this.tokenizer = tokenizer;
    this.generationDefaults = generationDefaults;
    memoryPlan = model.memoryPlan(model.contextLength(), options.kvPolicy());
    limits = new PromptLimits(model.contextLength(), config().vocabSize(), tokenizer != null);
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
      ModelOnDevice model = ModelOpening.ofFolder(options, config);
      try {
        return new Engine(options, model, opening.take(), defaults);
      } catch (Throwable failure) {
        model.close();
        throw failure;
      }
    }
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
    GenerationDefaults defaults =
        new GenerationDefaults(SamplingParams.greedy(), config.tokens().eos());
    return new Engine(options, ModelOpening.ofRandom(options, config), null, defaults);
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
    return new GenerationSession(this, model.newRunner(policy));
  }

  /** A scorer of token ids with a cache of its own, for evaluation protocols. */
  public EngineTokenScorer newTokenScorer() {
    return newTokenScorer(ScoringMode.PREFILL, ScoringListener.NONE);
  }

  /** The same in a mode of choice, watched. */
  public EngineTokenScorer newTokenScorer(ScoringMode mode, ScoringListener listener) {
    return new EngineTokenScorer(
        new ScoringRules(contextLength(), mode, listener), newLogitsPass(contextLength()));
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
    return new EngineDivergenceScorer(
        new ScoringRules(contextLength(), mode, listener),
        model.newComparedPass(baseEngine.model, base, policies));
  }

  /**
   * A scheduler that runs many sequences at once; close it before the engine.
   *
   * @throws IllegalArgumentException if the options leave no room for one sequence
   * @throws NotEnoughMemoryException if the caches, full, would not fit
   */
  public BatchScheduler newScheduler(BatchOptions batch) {
    return model.newScheduler(
        batch,
        options.kvPolicy(),
        options.prefill().isEmpty(),
        tokenizer,
        Set.copyOf(generationDefaults.eosTokenIds()));
  }

  /** Bytes that may still be taken where the model runs. */
  public long availableBytes() {
    return model.availableBytes();
  }

  /** Shows what attention of a prompt is computed from. */
  public AttentionProbe newAttentionProbe() {
    return new AttentionProbe(this, model);
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
    return model.newLogitsPass(maxTokens, options.kvPolicy());
  }

  KvCache newCache(int maxTokens) {
    return model.newCache(maxTokens, options.kvPolicy());
  }

  SortedMap<String, String> snapshotOrigin(KvCacheSpec spec) throws IOException {
    return SnapshotOrigin.of(options, spec);
  }

  public ModelConfig config() {
    return model.loaded().config();
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
    return model.contextLength();
  }

  /** Where the model runs. */
  public Device device() {
    return model.backend().device();
  }

  /** Threads that compute. */
  public int threads() {
    return model.backend().threads();
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
    return model.loaded().weightMemory();
  }

  /** How the weights are kept, be it that they are stored so. */
  public WeightPolicy weights() {
    WeightPolicy stored = config().storedWeights();
    return stored.quantizes() ? stored : options.weights();
  }

  /** Numbers that were learned. */
  public long parameterCount() {
    return model.loaded().parameterCount();
  }

  /** What was accepted or converted at load and may be worth telling, one line each. */
  public List<String> notices() {
    return model.loaded().notices();
  }

  /**
   * Checks a request against this model.
   *
   * @throws InvalidPromptException if the prompt leaves no room in the context, or holds ids that
   *     the model does not have
   * @throws IllegalArgumentException if stop strings are asked for without a tokenizer
   */
  public void requireValid(GenerationRequest request) {
    limits.requireValid(request);
  }

  /** Refuses tokens that one pass cannot take. */
  void requireValid(int[] tokenIds) {
    limits.requireValid(tokenIds);
  }

  /** Frees everything; sessions of this engine must be closed before. */
  @Override
  public void close() {
    if (tokenizer != null) {
      tokenizer.close();
    }
    model.close();
  }
}
