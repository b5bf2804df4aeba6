package io.vquant.engine;

/** A file that is no snapshot of a cache, is damaged, or is of another model or policy. */
public final class BadSnapshotException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public BadSnapshotException(String message) {
    super(message);
  }

  public BadSnapshotException(String message, Throwable cause) {
    super(message, cause);
  }
}
