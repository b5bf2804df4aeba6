package io.vquant.tokenizer.chat.jinja;

import java.time.Clock;
import java.time.ZoneId;
import java.util.Objects;

/**
 * What one rendering may use.
 *
 * @param maxSteps work units: one for each evaluated node, list element and eight characters of
 *     text that an operation reads or writes
 * @param maxNesting depth of nested syntax: parentheses, blocks
 * @param maxDepth depth of nested evaluation (macro calls included) and of nested values
 * @param maxOutputChars UTF-16 units of the output, and of any text made on the way
 * @param maxSourceChars UTF-16 units of the template
 * @param clock what {@code strftime_now} reads, in its zone
 */
public record JinjaLimits(
    long maxSteps,
    int maxNesting,
    int maxDepth,
    int maxOutputChars,
    int maxSourceChars,
    Clock clock) {
  private static final long STANDARD_STEPS = 20_000_000;
  private static final int STANDARD_DEPTH = 500;
  private static final int STANDARD_NESTING = 100;
  private static final int STANDARD_OUTPUT_CHARS = 32 << 20;
  private static final int STANDARD_SOURCE_CHARS = 1 << 20;

  /** Checks that all limits are positive. */
  public JinjaLimits {
    Objects.requireNonNull(clock, "clock");
    if (maxSteps <= 0
        || maxNesting <= 0
        || maxDepth <= 0
        || maxOutputChars <= 0
        || maxSourceChars <= 0) {
      throw new IllegalArgumentException(
          "template limits must be positive: maxSteps %d, maxNesting %d, maxDepth %d, maxOutputChars %d, maxSourceChars %d"
              .formatted(maxSteps, maxNesting, maxDepth, maxOutputChars, maxSourceChars));
    }
  }

  /** Room for a conversation of millions of tokens, an end within seconds, and the system clock. */
  public static JinjaLimits standard() {
    return new JinjaLimits(
        STANDARD_STEPS,
        STANDARD_NESTING,
        STANDARD_DEPTH,
        STANDARD_OUTPUT_CHARS,
        STANDARD_SOURCE_CHARS,
        Clock.system(ZoneId.systemDefault()));
  }

  /** These limits with another clock. */
  public JinjaLimits withClock(Clock newClock) {
    return new JinjaLimits(
        maxSteps, maxNesting, maxDepth, maxOutputChars, maxSourceChars, newClock);
  }
}
