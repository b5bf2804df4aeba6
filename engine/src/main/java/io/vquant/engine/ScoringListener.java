package io.vquant.engine;

/** Watches the scoring of a window, and may end it. Called on the thread that scores. */
public interface ScoringListener {

  /** Watches nothing. */
  ScoringListener NONE = new ScoringListener() {};

  /**
   * In {@link ScoringMode#DECODE} told after each scored token.
   *
   * @param tokens of the window that have been through the model
   * @param ofTokens of the window in all
   */
  default void decoded(int tokens, int ofTokens) {}

  /**
   * Asked often; true ends the scoring with a {@link io.vquant.model.ForwardCancelledException}.
   */
  default boolean cancelled() {
    return false;
  }
}
