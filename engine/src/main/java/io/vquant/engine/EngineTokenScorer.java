package io.vquant.engine;

import io.vquant.engine.runtime.LogitsPass;
import io.vquant.eval.LogSoftmax;
import io.vquant.eval.TokenScorer;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;

/** An engine's model as evaluation protocols see it; keeps one KV cache. For one thread. */
public final class EngineTokenScorer implements TokenScorer, AutoCloseable {
  private final ScoringRules rules;
  private final LogitsPass pass;

  EngineTokenScorer(ScoringRules rules, LogitsPass pass) {
    this.rules = rules;
    this.pass = pass;
  }

  @Override
  public int contextLength() {
    return rules.contextLength();
  }

  /** Bytes of the KV cache so far. */
  public long kvCacheByteSize() {
    return pass.cacheByteSize();
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
    rules.check(tokenIds, firstScored);
    double[] losses = new double[tokenIds.length - firstScored];
    AtomicBoolean greedy = new AtomicBoolean(true);
    LogitsPass.RowsConsumer<RuntimeException> scoreRows =
        (position, logits) -> {
          int rows = Math.min(logits.rows(), tokenIds.length - position - 1);
          for (int row = 0; row < rows; row++) {
            int scored = position + row + 1;
            losses[scored - firstScored] = loss(logits, row, tokenIds[scored]);
            if (!isLargest(logits, row, tokenIds[scored])) {
              greedy.set(false);
            }
          }
          rules.scored(position + rows, tokenIds.length);
        };
    switch (rules.mode()) {
      case PREFILL -> pass.run(tokenIds, firstScored - 1, rules.forwardListener(), scoreRows);
      case DECODE -> pass.runByToken(tokenIds, firstScored - 1, rules.forwardListener(), scoreRows);
    }
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
