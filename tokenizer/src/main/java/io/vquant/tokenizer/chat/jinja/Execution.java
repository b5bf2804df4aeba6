package io.vquant.tokenizer.chat.jinja;

import java.time.Clock;

/** One rendering: what it may still use, and the line it is at. */
final class Execution {
  private static final int CHARS_PER_STEP = 8;
  private static final int COMPARISONS_PER_STEP = 512;

  private final JinjaLimits limits;
  private long stepsLeft;
  private int depth;
  private int line = 1;

  Execution(JinjaLimits limits) {
    this.limits = limits;
    this.stepsLeft = limits.maxSteps();
  }

  Clock clock() {
    return limits.clock();
  }

  /** Names the line that a failure from here on is at. */
  void at(int newLine) {
    line = newLine;
  }

  int line() {
    return line;
  }

  void charge(long steps) {
    stepsLeft -= steps;
    if (stepsLeft < 0) {
      throw exceeded("the rendering takes more than " + limits.maxSteps() + " steps");
    }
  }

  /** Charges an operation over text, or one that is about to make text of this length. */
  void chargeText(long numChars) {
    checkText(numChars);
    charge(1 + numChars / CHARS_PER_STEP);
  }

  /**
   * Charges a search for {@code numWanted} characters in {@code numChars}, which may take their
   * product.
   */
  void chargeSearch(long numChars, long numWanted) {
    chargeText(numChars);
    charge(Math.max(0, numChars - numWanted) * numWanted / COMPARISONS_PER_STEP);
  }

  /** Refuses a text of a length that the limits do not allow. */
  void checkText(long numChars) {
    if (numChars > limits.maxOutputChars()) {
      throw exceeded(
          "a text of "
              + numChars
              + " characters, at most "
              + limits.maxOutputChars()
              + " are allowed");
    }
  }

  /** To be paired with {@link #leave()} around each level of evaluation or of a nested value. */
  void enter() {
    charge(1);
    if (++depth > limits.maxDepth()) {
      throw exceeded("calls or values nested more than " + limits.maxDepth() + " levels deep");
    }
  }

  void leave() {
    depth--;
  }

  TemplateException failure(String reason) {
    return new TemplateException(line, reason);
  }

  TemplateLimitException exceeded(String reason) {
    return new TemplateLimitException(line, reason);
  }
}
