package io.vquant.engine;

/** Why a generation ended. */
public enum FinishReason {
  /** The model produced an end-of-sequence token. */
  STOP("stop"),
  /** The requested number of tokens was produced. */
  LENGTH("length"),
  /** A stop string appeared in the text. */
  STOP_TEXT("stop_text"),
  /** Prompt and answer fill the context. */
  CONTEXT("context"),
  /** {@link GenerationSession#cancel()} was called. */
  CANCELLED("cancelled");

  private final String jsonName;

  FinishReason(String jsonName) {
    this.jsonName = jsonName;
  }

  /** The name in JSON output. */
  public String jsonName() {
    return jsonName;
  }
}
