package io.vquant.engine;

import io.vquant.model.ForwardCancelledException;
import io.vquant.model.ForwardListener;

/** What scorers have in common: the context, the mode, who watches. */
record ScoringRules(int contextLength, ScoringMode mode, ScoringListener listener) {

  void check(int[] tokenIds, int firstScored) {
    if (tokenIds.length > contextLength) {
      throw new InvalidPromptException(
          tokenIds.length + " tokens to score: the context holds " + contextLength);
    }
    if (firstScored < 1 || firstScored >= tokenIds.length) {
      throw new IllegalArgumentException(
          "first scored token " + firstScored + " of " + tokenIds.length + ": expected 1 or more");
    }
  }

  /** Ends a pass over the layers when the scoring is to end. */
  ForwardListener forwardListener() {
    return new ForwardListener() {
      @Override
      public boolean cancelled() {
        return listener.cancelled();
      }
    };
  }

  /** To be called after some rows of logits, the last of them about {@code token}. */
  void scored(int token, int ofTokens) {
    if (listener.cancelled()) {
      throw new ForwardCancelledException(ofTokens);
    }
    if (mode == ScoringMode.DECODE) {
      listener.decoded(token + 1, ofTokens);
    }
  }
}
