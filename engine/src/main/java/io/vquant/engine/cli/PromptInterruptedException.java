package io.vquant.engine.cli;

/** Ctrl-C while a line was typed. */
final class PromptInterruptedException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final boolean anythingTyped;

  PromptInterruptedException(boolean anythingTyped) {
    this.anythingTyped = anythingTyped;
  }

  /** Whether a line had been begun, which is given up. */
  boolean anythingTyped() {
    return anythingTyped;
  }
}
