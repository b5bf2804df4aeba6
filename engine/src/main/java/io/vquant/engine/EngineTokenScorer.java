package io.vquant.engine;

import io.vquant.engine.runtime.LogitsPass;
import io.vquant.eval.LogSoftmax;
import io.vquant.eval.TokenScorer;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.ValueLayout;

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
    Losses losses = new Losses(tokenIds.length - firstScored);
    LogitsPass.RowsConsumer<RuntimeException> consumer =
        (position, logits) ->
            rules.scoreRows(
                tokenIds, position, logits.rows(), (row, id) -> losses.add(logits, row, id));
    int first = firstScored - 1;
    switch (rules.mode()) {
      case PREFILL -> pass.run(tokenIds, first, rules.forwardListener(), consumer);
      case DECODE -> pass.runByToken(tokenIds, first, rules.forwardListener(), consumer);
    }
    return new Scores(losses.values, losses.greedy);
  }

  /** Collects the losses of tokens that come in order. */
  private static final class Losses {
    private final double[] values;
    private boolean greedy = true;
    private int count;

    Losses(int tokens) {
      values = new double[tokens];
    }

    void add(Tensor logits, int row, int tokenId) {
      values[count++] = loss(logits, row, tokenId);
      greedy &= isLargest(logits, row, tokenId);
    }
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
