package io.vquant.engine;

import io.vquant.model.ForwardCancelledException;

/** Ends a generation as scoring ends: with an exception that reaches the caller. */
record EndWhenAsked(ScoringListener listener) implements GenerationListener {
  @Override
  public void onPrefill(long done, long total) {
    check();
  }

  @Override
  public void onToken(int tokenId) {
    check();
  }

  private void check() {
    if (listener.cancelled()) {
      throw new ForwardCancelledException(1);
    }
  }
}
