package io.vquant.engine;

import io.vquant.engine.runtime.LogitsPass;
import io.vquant.eval.LogSoftmax;
import io.vquant.eval.TokenScorer;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ForwardListener;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;

/** An engine's model as evaluation protocols see it; keeps one KV cache. For one thread. */
public final class EngineTokenScorer implements TokenScorer, AutoCloseable {
  private final int contextLength;
  private final LogitsPass pass;

  EngineTokenScorer(int contextLength, LogitsPass pass) {
    this.contextLength = contextLength;
    this.pass = pass;
  }

  @Override
  public int contextLength() {
    return contextLength;
  }

  /**
   * Losses in nats, and whether every scored token is the most likely one.
   *
   * @param losses {@code [tokens - firstScored]}
   */
  @SuppressWarnings("ArrayRecordComponent") // read once, by the code that asked for it
  record Scores(double[] losses, boolean greedy) {}

  @Override
  public double[] negativeLogLikelihoods(int[] tokenIds, int firstScored) {
    return score(tokenIds, firstScored).losses();
  }

  Scores score(int[] tokenIds, int firstScored) {
    if (tokenIds.length > contextLength) {
      throw new InvalidPromptException(
          tokenIds.length + " tokens to score: the context holds " + contextLength);
    }
    if (firstScored < 1 || firstScored >= tokenIds.length) {
      throw new IllegalArgumentException(
          "first scored token " + firstScored + " of " + tokenIds.length + ": expected 1 or more");
    }
    double[] losses = new double[tokenIds.length - firstScored];
    AtomicBoolean greedy = new AtomicBoolean(true);
    pass.run(
        tokenIds,
        firstScored - 1,
        ForwardListener.NONE,
        (position, logits) -> {
          for (int row = 0; row < logits.rows() && position + row + 1 < tokenIds.length; row++) {
            int scored = position + row + 1;
            losses[scored - firstScored] = loss(logits, row, tokenIds[scored]);
            if (!isLargest(logits, row, tokenIds[scored])) {
              greedy.set(false);
            }
          }
        });
    return new Scores(losses, greedy.get());
  }

  private static double loss(Tensor logits, int row, int tokenId) {
    return LogSoftmax.negativeLogLikelihood(
        logits.segment(), logits.rowByteOffset(row), logits.columns(), tokenId);
  }

  private static boolean isLargest(Tensor logits, int row, int tokenId) {
    long first = logits.rowByteOffset(row) / Float.BYTES;
    float chosen = logits.segment().getAtIndex(ValueLayout.JAVA_FLOAT, first + tokenId);
    for (int i = 0; i < logits.columns(); i++) {
      if (logits.segment().getAtIndex(ValueLayout.JAVA_FLOAT, first + i) > chosen) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    pass.close();
  }
}
