package io.vquant.engine.hub;

import org.jspecify.annotations.Nullable;

/** A model could not be fetched. The message is one line that says why, and what can be done. */
public final class HubException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Who can do something about it. */
  public enum Reason {
    /** The network, the hub, the disk, or what was asked of them. */
    FETCHING,
    /** There is such a model, but it is none that the engine could run. */
    UNUSABLE_MODEL
  }

  private final Reason reason;

  HubException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  HubException(String message) {
    this(Reason.FETCHING, message, null);
  }

  HubException(String message, Throwable cause) {
    this(Reason.FETCHING, message, cause);
  }

  public Reason reason() {
    return reason;
  }
}
