package io.vquant.engine;

import io.vquant.eval.LanguageModel;
import io.vquant.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An engine as evaluation tasks see a model. Text is encoded without special tokens, as
 * lm-evaluation-harness does by default; a text that does not fit the context is refused, not cut.
 */
final class EngineLanguageModel implements LanguageModel {
  private final Engine engine;
  private final Tokenizer tokenizer;

  EngineLanguageModel(Engine engine) {
    this.engine = engine;
    tokenizer = engine.tokenizer();
  }

  @Override
  public List<LogLikelihood> logLikelihood(List<Continuation> requests) {
    List<LogLikelihood> answers = new ArrayList<>();
    try (EngineTokenScorer scorer = engine.newTokenScorer()) {
      for (Continuation request : requests) {
        answers.add(score(scorer, request));
      }
    }
    return answers;
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
    List<Double> sums = new ArrayList<>();
    try (EngineTokenScorer scorer = engine.newTokenScorer()) {
      for (String text : texts) {
        int[] tokens = withPrefix(tokenizer.encode(text));
        int perWindow = scorer.contextLength() - 1;
        double sum = 0;
        for (int first = 1; first < tokens.length; first += perWindow) {
          int end = Math.min(tokens.length, first + perWindow);
          int[] window = Arrays.copyOfRange(tokens, first - 1, end);
          sum -= Arrays.stream(scorer.negativeLogLikelihoods(window, 1)).sum();
        }
        sums.add(sum);
      }
    }
    return sums;
  }

  @Override
  public List<String> generateUntil(List<Generation> requests) {
    List<String> answers = new ArrayList<>();
    try (GenerationSession session = engine.newSession()) {
      for (Generation request : requests) {
        GenerationRequest generation =
            GenerationRequest.builder(tokenizer.encode(request.context()))
                .maxTokens(request.maxTokens())
                .stopStrings(request.until())
                .build();
        answers.add(session.generate(generation).text());
      }
    }
    return answers;
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
}
