package io.vquant.engine.chat;

import io.vquant.engine.FinishReason;
import io.vquant.engine.GenerationResult;
import io.vquant.engine.GenerationStats;

/**
 * What became of a message.
 *
 * @param result the answer as the session gave it
 * @param promptTokens tokens of the prompt, of which {@code stats().cachedTokens()} were not
 *     computed
 * @param kept whether it is part of the conversation: not when it was cancelled before its first
 *     token, which leaves the conversation as it was
 */
public record Answer(GenerationResult result, int promptTokens, boolean kept) {

  public String text() {
    return result.text();
  }

  public FinishReason finishReason() {
    return result.finishReason();
  }

  public GenerationStats stats() {
    return result.stats();
  }
}
