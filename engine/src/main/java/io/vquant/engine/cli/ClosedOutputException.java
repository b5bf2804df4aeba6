package io.vquant.engine.cli;

/** The reader of stdout has gone, as {@code head} does when it has read enough: time to stop. */
final class ClosedOutputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ClosedOutputException(Throwable cause) {
    super("the reader of stdout has closed it", cause);
  }
}
