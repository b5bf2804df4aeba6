package io.vquant.engine;

import io.vquant.eval.LanguageModel;
import io.vquant.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An engine as evaluation tasks see a model. Text is encoded without special tokens, as
 * lm-evaluation-harness does by default; a text that does not fit the context is refused, not cut.
 *
 * <p>Keeps one KV cache for scoring and one for generating, made when first needed: what a prompt
 * shares with the one before is not computed again. For one thread; close it before its engine.
 */
public final class EngineLanguageModel implements LanguageModel, AutoCloseable {
  private final Engine engine;
  private final Tokenizer tokenizer;
  private final ScoringListener listener;
  private @Nullable EngineTokenScorer scorer;
  private @Nullable GenerationSession session;

  EngineLanguageModel(Engine engine, ScoringListener listener) {
    this.engine = engine;
    this.listener = listener;
    tokenizer = engine.tokenizer();
  }

  @Override
  public List<LogLikelihood> logLikelihood(List<Continuation> requests) {
    return requests.stream().map(request -> score(scorer(), request)).toList();
  }

  private EngineTokenScorer scorer() {
    if (scorer == null) {
      scorer = engine.newTokenScorer(ScoringMode.PREFILL, listener);
    }
    return scorer;
  }

  /**
   * Encodes context and continuation together, as they would be read, and takes as many tokens for
   * the context as it has alone. Blanks at its end belong to the continuation, where most
   * tokenizers put them.
   */
  private LogLikelihood score(EngineTokenScorer scorer, Continuation request) {
    String context = request.context().stripTrailing();
    String blanks = request.context().substring(context.length());
    int[] whole = tokenizer.encode(context + blanks + request.continuation());
    int contextTokens = context.isEmpty() ? 0 : tokenizer.encode(context).length;
    if (contextTokens == 0) {
      whole = withPrefix(whole);
      contextTokens = 1;
    }
    EngineTokenScorer.Scores scores = scorer.score(whole, contextTokens);
    return new LogLikelihood(-Arrays.stream(scores.losses()).sum(), scores.greedy());
  }

  @Override
  public List<Double> rollingLogLikelihood(List<String> texts) {
    return texts.stream().map(text -> rolling(scorer(), text)).toList();
  }

  private double rolling(EngineTokenScorer scorer, String text) {
    int[] tokens = withPrefix(tokenizer.encode(text));
    int perWindow = scorer.contextLength() - 1;
    double sum = 0;
    for (int first = 1; first < tokens.length; first += perWindow) {
      int end = Math.min(tokens.length, first + perWindow);
      int[] window = Arrays.copyOfRange(tokens, first - 1, end);
      sum -= Arrays.stream(scorer.negativeLogLikelihoods(window, 1)).sum();
    }
    return sum;
  }

  @Override
  public List<String> generateUntil(List<Generation> requests) {
    return requests.stream()
        .map(request -> continued(tokenizer.encode(request.context()), request))
        .toList();
  }

  private String continued(int[] promptIds, Generation request) {
    GenerationRequest generation =
        GenerationRequest.builder(promptIds)
            .maxTokens(request.maxTokens())
            .stopStrings(request.until())
            .build();
    if (session == null) {
      session = engine.newSession();
    }
    return session.generate(generation, new EndWhenAsked(listener)).text();
  }

  private int[] withPrefix(int[] tokens) {
    int[] prefixed = new int[tokens.length + 1];
    prefixed[0] = prefixToken();
    System.arraycopy(tokens, 0, prefixed, 1, tokens.length);
    return prefixed;
  }

  /** The model's beginning-of-text token, or its end-of-text token where it has none. */
  private int prefixToken() {
    List<Integer> eos = engine.generationDefaults().eosTokenIds();
    if (engine.config().tokens().bos().isEmpty() && eos.isEmpty()) {
      throw new IllegalStateException("the model names neither a bos nor an eos token");
    }
    return engine.config().tokens().bos().orElseGet(eos::getFirst);
  }

  @Override
  public void close() {
    if (scorer != null) {
      scorer.close();
    }
    if (session != null) {
      session.close();
    }
  }
}
