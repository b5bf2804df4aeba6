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

  /** Scores one token by one row of logits. */
  @FunctionalInterface
  interface RowScorer {
    void score(int row, int tokenId);
  }

  /**
   * Has the tokens scored that some rows of logits are about; the last token's row is about none.
   *
   * @param position of the first row's token
   * @param rows of logits
   */
  void scoreRows(int[] tokenIds, int position, int rows, RowScorer scorer) {
    int scored = Math.min(rows, tokenIds.length - position - 1);
    for (int row = 0; row < scored; row++) {
      scorer.score(row, tokenIds[position + row + 1]);
    }
    if (listener.cancelled()) {
      throw new ForwardCancelledException(tokenIds.length);
    }
    if (mode == ScoringMode.DECODE) {
      listener.decoded(position + scored + 1, tokenIds.length);
    }
  }
}
