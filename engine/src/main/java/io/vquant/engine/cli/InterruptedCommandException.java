package io.vquant.engine.cli;

/** A signal asked the command to stop. */
final class InterruptedCommandException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  InterruptedCommandException() {
    super("interrupted");
  }
}
