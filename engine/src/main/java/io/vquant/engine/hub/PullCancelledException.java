package io.vquant.engine.hub;

/** The pull was told to end; what has come stays and is used by the next one. */
public final class PullCancelledException extends RuntimeException {
  private static final long serialVersionUID = 1L;
}
