package io.vquant.model;

/** A listener ended a forward pass; the cache is as it was before the pass. */
public final class ForwardCancelledException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ForwardCancelledException(int rows) {
    super("forward pass over " + rows + " tokens cancelled");
  }
}
