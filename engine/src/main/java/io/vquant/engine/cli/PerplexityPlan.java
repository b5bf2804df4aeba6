package io.vquant.engine.cli;

import io.vquant.engine.ScoringMode;
import io.vquant.eval.WindowProtocol;
import org.jspecify.annotations.Nullable;

/**
 * What {@code perplexity} is to run.
 *
 * @param windowTokens tokens of a window
 * @param maxWindows most windows, from the text's beginning
 * @param against policy of the base to compare with, if there is to be one
 */
record PerplexityPlan(
    WindowProtocol protocol,
    ScoringMode mode,
    int windowTokens,
    int maxWindows,
    @Nullable String against) {

  /** Index in a window of the first token that is scored. */
  int firstScored() {
    return protocol.firstScored(windowTokens);
  }
}
