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

  /** The base's policy. */
  String baseName() {
    return String.valueOf(against);
  }

  /**
   * Reads the options.
   *
   * @param windowTokens what {@code --context} was given
   * @param against policy of the base, checked here
   * @throws CommandFailure if one of them cannot be
   */
  static PerplexityPlan of(
      String protocol,
      String mode,
      @Nullable Integer windowTokens,
      int limit,
      @Nullable String against) {
    WindowProtocol chosen =
        Choice.of("--protocol", protocol, WindowProtocol.values(), WindowProtocol::label);
    ScoringMode chosenMode = Choice.of("--mode", mode, ScoringMode.values(), ScoringMode::label);
    if (windowTokens == null) {
      throw CommandFailure.usage(
          "no --context: give the tokens of a window (papers use 2048, llama-perplexity 512)");
    }
    if (windowTokens < chosen.minWindowTokens()) {
      throw CommandFailure.usage(
          "--context "
              + windowTokens
              + ": expected "
              + chosen.minWindowTokens()
              + " or more with --protocol "
              + chosen.label());
    }
    if (limit < 1) {
      throw CommandFailure.usage("--limit " + limit + ": expected 1 or more");
    }
    if (against != null) {
      PolicyNames.kv("--against", against);
    }
    return new PerplexityPlan(chosen, chosenMode, windowTokens, limit, against);
  }

  /** What is scored of a text, in a line. */
  String describe(PerplexityText text) {
    return "text %s: %d tokens; windows of %d tokens, the last %d scored (protocol %s, mode %s), %s"
        .formatted(
            text.name(),
            text.textTokens(),
            windowTokens,
            windowTokens - firstScored(),
            protocol.label(),
            mode.label(),
            text.bos().isPresent() ? "BOS " + text.bos().getAsInt() : "no BOS");
  }
}
