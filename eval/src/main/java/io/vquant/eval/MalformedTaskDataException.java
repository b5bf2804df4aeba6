package io.vquant.eval;

/**
 * The data of a task is not of its form; one line names file, line, field and what was expected.
 */
public final class MalformedTaskDataException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public MalformedTaskDataException(String message) {
    super(message);
  }

  public MalformedTaskDataException(String message, Throwable cause) {
    super(message, cause);
  }
}
