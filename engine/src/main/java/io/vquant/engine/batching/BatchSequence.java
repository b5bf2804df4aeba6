package io.vquant.engine.batching;

import io.vquant.engine.FinishReason;
import io.vquant.engine.GenerationRequest;
import io.vquant.engine.runtime.TextOutput;
import io.vquant.engine.runtime.TokenSequence;
import io.vquant.engine.sampling.Sampler;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.tensor.Tensor;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way: its tokens, how the next is chosen, and while it holds a slot its cache.
 * The cache holds the first tokens of the sequence. Giving it up loses nothing: the tokens go
 * through the model again in the same portions (the prompt but for its last token, then one by
 * one), so the sequence goes on as it would have.
 */
final class BatchSequence {
  private final BatchRequest request;
  private final BatchListener listener;
  private final long number;
  private final int promptTokens;
  private final TokenSequence tokens = new TokenSequence();
  private final Sampler sampler;
  private final TextOutput text;
  private final long seed;
  private final long submittedNanos = System.nanoTime();
  private @Nullable KvCache cache;
  private @Nullable PromptPass prompt;
  private boolean promptScored;
  private int cachedTokens = -1;
  private long firstTokenNanos;
  private @Nullable Throwable failure;
  private volatile boolean cancelled;

  /**
   * @param number rises with each submission
   */
  BatchSequence(BatchModel model, BatchRequest request, BatchListener listener, long number) {
    this.request = request;
    this.listener = listener;
    this.number = number;
    GenerationRequest generation = request.generation();
    int[] promptIds = generation.promptIds();
    promptTokens = promptIds.length;
    tokens.replaceBy(promptIds);
    // 53 bits, so that JSON readers that know only doubles keep it
    seed = generation.sampling().seed().orElseGet(() -> new SplittableRandom().nextLong() >>> 11);
    sampler =
        new Sampler(generation.sampling(), seed, model.vocabSize(), generation.logitsProcessors());
    text =
        new TextOutput(
            model.tokenizer(), generation.stopStrings(), request.shownTokens(), listener::onText);
  }

  BatchRequest request() {
    return request;
  }

  BatchListener listener() {
    return listener;
  }

  long number() {
    return number;
  }

  TokenSequence tokens() {
    return tokens;
  }

  int promptTokens() {
    return promptTokens;
  }

  void cancel() {
    cancelled = true;
  }

  boolean isCancelled() {
    return cancelled;
  }

  /** Marks the sequence as one that cannot go on. */
  void fail(Throwable cause) {
    failure = failure == null ? cause : failure;
  }

  @Nullable Throwable failure() {
    return failure;
  }

  @Nullable KvCache cache() {
    return cache;
  }

  void takeCache(KvCache own) {
    cache = own;
  }

  /** The prefill under way. */
  @Nullable PromptPass prompt() {
    return prompt;
  }

  void beginPrompt(PromptPass pass) {
    prompt = pass;
    if (cachedTokens < 0) {
      cachedTokens = pass.adoptedTokens();
    }
  }

  void endPrompt() {
    if (prompt != null) {
      prompt.close();
      prompt = null;
    }
  }

  /** Whether the prompt's scores are still owed. */
  boolean owesPromptScores() {
    return request.promptLogprobs() && !promptScored;
  }

  void promptScored() {
    promptScored = true;
  }

  /** Whether the prompt is through, so that single tokens follow. */
  boolean isDecoding() {
    return cache != null && prompt == null;
  }

  /** Position of the token that goes through the model next. */
  int nextPosition() {
    return cache == null ? 0 : cache.length();
  }

  /** Whether the token at {@link #nextPosition} is the last one, so that a new one follows. */
  boolean isAtEnd() {
    return nextPosition() == tokens.length() - 1;
  }

  /** Gives the memory up; the tokens stay. */
  void releaseMemory() {
    endPrompt();
    if (cache != null) {
      cache.close();
      cache = null;
    }
  }

  /** Whether {@link #choose} touches nothing that other sequences' use. */
  boolean choosesAlone() {
    return !sampler.hasOwnProcessors() && !request.wantsLogprobs();
  }

  /**
   * Chooses the next token and tells about it.
   *
   * @param logits of the last token, in row {@code row}
   * @return why the sequence ends here, null if it goes on
   */
  @Nullable FinishReason choose(Tensor logits, int row, BatchModel model, TokenScorer scorer) {
    int token = sampler.sample(logits.rows(row, 1), tokens);
    TokenScore score =
        request.wantsLogprobs() ? scorer.score(logits, row, token, request.topLogprobs()) : null;
    tokens.add(token);
    if (firstTokenNanos == 0) {
      firstTokenNanos = System.nanoTime();
    }
    listener.onToken(token, score);
    GenerationRequest generation = request.generation();
    if (!generation.ignoreEos() && model.isEos(token)) {
      return FinishReason.STOP;
    }
    if (text.push(token)) {
      return FinishReason.STOP_TEXT;
    }
    if (producedTokens() == generation.maxTokens()) {
      return FinishReason.LENGTH;
    }
    return tokens.length() == model.contextLength() ? FinishReason.CONTEXT : null;
  }

  int producedTokens() {
    return tokens.length() - promptTokens;
  }

  int cachedTokens() {
    return Math.max(0, cachedTokens);
  }

  /** Ends the text and sums up. */
  BatchResult result(FinishReason reason) {
    String whole = text.finish();
    long now = System.nanoTime();
    return new BatchResult(
        whole,
        text.stopFound() ? FinishReason.STOP_TEXT : reason,
        promptTokens,
        cachedTokens(),
        producedTokens(),
        seed,
        cache == null ? 0 : cache.byteSize(),
        firstTokenNanos == 0 ? 0 : firstTokenNanos - submittedNanos,
        firstTokenNanos == 0 ? 0 : now - firstTokenNanos);
  }
}
