package io.vquant.engine;

import io.vquant.eval.needle.NeedleModel;
import io.vquant.tokenizer.Tokenizer;

/** An engine as the needle test sees a model; keeps one session. For one thread. */
public final class EngineNeedleModel implements NeedleModel, AutoCloseable {
  private final Engine engine;
  private final Tokenizer tokenizer;
  private final ScoringListener listener;
  private final GenerationSession session;

  EngineNeedleModel(Engine engine, ScoringListener listener) {
    this.engine = engine;
    this.listener = listener;
    tokenizer = engine.tokenizer();
    session = engine.newSession();
  }

  @Override
  public int[] encode(String text) {
    return tokenizer.encode(text);
  }

  /** The BOS token that the config names; the bundled model's documents all begin with it. */
  @Override
  public int[] beginning() {
    return engine.config().tokens().bos().stream().toArray();
  }

  @Override
  public String answer(int[] promptIds, int maxTokens) {
    GenerationRequest request = GenerationRequest.builder(promptIds).maxTokens(maxTokens).build();
    return session.generate(request, new EndWhenAsked(listener)).text();
  }

  @Override
  public void close() {
    session.close();
  }
}
