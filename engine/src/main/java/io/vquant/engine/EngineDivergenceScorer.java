package io.vquant.engine;

import io.vquant.engine.runtime.PairedLogitsPass;
import io.vquant.eval.DivergenceScorer;
import io.vquant.eval.TokenDivergence;
import java.util.ArrayList;
import java.util.List;

/** An engine's model with two KV caches, for comparing them; see {@link Engine}. For one thread. */
public final class EngineDivergenceScorer implements DivergenceScorer, AutoCloseable {
  private final ScoringRules rules;
  private final PairedLogitsPass pass;

  EngineDivergenceScorer(ScoringRules rules, PairedLogitsPass pass) {
    this.rules = rules;
    this.pass = pass;
  }

  @Override
  public int contextLength() {
    return rules.contextLength();
  }

  /** Bytes of the KV cache so far, without the base's. */
  public long kvCacheByteSize() {
    return pass.cacheByteSize();
  }

  @Override
  public List<TokenDivergence> compare(int[] tokenIds, int firstScored) {
    rules.check(tokenIds, firstScored);
    List<TokenDivergence> tokens = new ArrayList<>(tokenIds.length - firstScored);
    PairedLogitsPass.PairConsumer compareRows =
        (position, base, logits) -> {
          int rows = Math.min(logits.rows(), tokenIds.length - position - 1);
          for (int row = 0; row < rows; row++) {
            tokens.add(
                TokenDivergence.of(
                    base.segment(),
                    base.rowByteOffset(row),
                    logits.segment(),
                    logits.rowByteOffset(row),
                    logits.columns(),
                    tokenIds[position + row + 1]));
          }
          rules.scored(position + rows, tokenIds.length);
        };
    switch (rules.mode()) {
      case PREFILL -> pass.run(tokenIds, firstScored - 1, rules.forwardListener(), compareRows);
      case DECODE ->
          pass.runByToken(tokenIds, firstScored - 1, rules.forwardListener(), compareRows);
    }
    return tokens;
  }

  @Override
  public void close() {
    pass.close();
  }
}
