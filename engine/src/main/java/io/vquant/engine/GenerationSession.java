package io.vquant.engine;

import io.vquant.engine.runtime.CacheSnapshot;
import io.vquant.engine.runtime.ModelRunner;
import io.vquant.engine.runtime.TextOutput;
import io.vquant.engine.sampling.Sampler;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.kvcache.PagedKvCache;
import io.vquant.model.ForwardCancelledException;
import io.vquant.model.ForwardListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;

/**
 * One conversation: its tokens and their KV cache. Each request brings the whole prompt; the part
 * at its beginning that the session has seen is not computed again, with the same result to the
 * bit.
 *
 * <p>For one thread at a time, {@link #cancel} excepted. Sessions of one engine may run on several
 * threads; the model computes for one of them at a time. Close a session before its engine.
 */
public final class GenerationSession implements AutoCloseable {
  private final Engine engine;
  private final ModelRunner runner;
  private volatile boolean cancelled;

  GenerationSession(Engine engine, ModelRunner runner) {
    this.engine = engine;
    this.runner = runner;
  }

  /** As the other form, without a listener. */
  public GenerationResult generate(GenerationRequest request) {
    return generate(request, GenerationListener.NONE);
  }

  /**
   * Continues a prompt until one of the {@link FinishReason reasons} to end.
   *
   * @throws InvalidPromptException if the prompt leaves no room in the context, or holds ids that
   *     the model does not have
   * @throws IllegalArgumentException if stop strings are asked for without a tokenizer
   * @throws io.vquant.engine.sampling.NonFiniteLogitsException if the model computes NaN or
   *     infinity
   */
  public GenerationResult generate(GenerationRequest request, GenerationListener listener) {
    cancelled = false;
    Generation generation = new Generation(request, listener);
    return generation.run();
  }

  /**
   * Ends the generation under way soon, during prefill as well: it returns what it has, with {@link
   * FinishReason#CANCELLED}. Without one there is no effect. May be called by any thread.
   */
  public void cancel() {
    cancelled = true;
  }

  /** All tokens of the last request: its prompt and what was generated. */
  public int[] tokenIds() {
    return runner.tokens().toArray();
  }

  /** Bytes that the KV cache has taken so far. */
  public long kvCacheByteSize() {
    return runner.cache().byteSize();
  }

  /** What the KV cache holds of each layer. */
  public KvUsage kvUsage() {
    return KvUsage.of(runner.cache());
  }

  /**
   * Writes tokens and KV cache to a file, for a later session on the same model, weights, tokenizer
   * and policy. Reads the model's files, to know them again.
   *
   * @throws IOException if it cannot be written; what was there is as before
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if the cache is not in host memory
   */
  public void saveCache(Path file) throws IOException {
    PagedKvCache cache = hostCache();
    CacheSnapshot.write(file, engine.snapshotOrigin(cache.spec()), tokenIds(), cache);
  }

  /**
   * Takes tokens and KV cache from a file; the next request computes only what they lack.
   *
   * @throws BadSnapshotException if the file is damaged, of another model, tokenizer or policy, or
   *     of more tokens than the context; this session is as before
   * @throws IOException if it cannot be read
   * @throws io.vquant.kernels.backend.UnsupportedKernelException as {@link #saveCache}
   */
  public void loadCache(Path file) throws IOException {
    PagedKvCache cache = hostCache();
    CacheSnapshot snapshot =
        CacheSnapshot.read(
            file,
            engine.snapshotOrigin(cache.spec()),
            engine.contextLength(),
            cache::emptyLikeThis);
    runner.restore(snapshot.tokenIds(), snapshot.cache());
  }

  private PagedKvCache hostCache() {
    if (runner.cache() instanceof PagedKvCache cache) {
      return cache;
    }
    throw new UnsupportedKernelException(
        "a snapshot of a KV cache on " + engine.device() + ": there are snapshots on cpu only");
  }

  @Override
  public void close() {
    runner.close();
  }

  /** One call of {@code generate}. */
  private final class Generation implements ForwardListener {
    private final GenerationRequest request;
    private final GenerationListener listener;
    private final long startNanos = System.nanoTime();
    private final int[] prompt;
    private final long seed;
    private final Sampler sampler;
    private final TextOutput text;
    private final int[] eosTokenIds;
    private int cachedTokens;
    private long firstTokenNanos;

    Generation(GenerationRequest request, GenerationListener listener) {
      this.request = request;
      this.listener = listener;
      prompt = request.promptIds();
      engine.requireValid(request);
      eosTokenIds =
          engine.generationDefaults().eosTokenIds().stream().mapToInt(Integer::intValue).toArray();
      seed = request.sampling().seed().orElseGet(Generation::drawSeed);
      sampler =
          new Sampler(
              request.sampling(), seed, engine.config().vocabSize(), request.logitsProcessors());
      text =
          new TextOutput(
              engine.optionalTokenizer().orElse(null), request.stopStrings(), listener::onText);
    }

    GenerationResult run() {
      cachedTokens = runner.start(prompt);
      FinishReason reason;
      try {
        reason = produce();
      } catch (ForwardCancelledException stopped) {
        reason = FinishReason.CANCELLED;
      }
      String finished = text.finish();
      if (text.stopFound()) {
        reason = FinishReason.STOP_TEXT;
      }
      int[] produced = runner.tokens().from(prompt.length);
      return new GenerationResult(produced, finished, reason, stats(), seed);
    }

    private FinishReason produce() {
      while (true) {
        boolean prefill = firstTokenNanos == 0;
        int token = runner.next(sampler, prefill ? this : ForwardListener.NONE);
        if (prefill) {
          firstTokenNanos = System.nanoTime() - startNanos;
        }
        listener.onToken(token);
        if (!request.ignoreEos() && isEos(token)) {
          return FinishReason.STOP;
        }
        if (text.push(token)) {
          return FinishReason.STOP_TEXT;
        }
        int length = runner.tokens().length();
        if (length - prompt.length == request.maxTokens()) {
          return FinishReason.LENGTH;
        }
        if (length == engine.contextLength()) {
          return FinishReason.CONTEXT;
        }
        if (cancelled) {
          return FinishReason.CANCELLED;
        }
      }
    }

    private boolean isEos(int token) {
      for (int i = 0; i < eosTokenIds.length; i++) {
        if (eosTokenIds[i] == token) {
          return true;
        }
      }
      return false;
    }

    private GenerationStats stats() {
      long totalNanos = System.nanoTime() - startNanos;
      int produced = runner.tokens().length() - prompt.length;
      if (produced == 0) {
        return new GenerationStats(cachedTokens, 0, totalNanos, 0, 0, 0);
      }
      return new GenerationStats(
          cachedTokens,
          prompt.length - cachedTokens,
          firstTokenNanos,
          produced - 1,
          totalNanos - firstTokenNanos,
          firstTokenNanos);
    }

    @Override
    public void progress(long doneWork, long totalWork) {
      listener.onPrefill(doneWork, totalWork);
    }

    @Override
    public boolean cancelled() {
      return cancelled;
    }

    /** 53 bits, so that JSON readers that know only doubles keep it. */
    private static long drawSeed() {
      return new SplittableRandom().nextLong() >>> 11;
    }
  }
}
