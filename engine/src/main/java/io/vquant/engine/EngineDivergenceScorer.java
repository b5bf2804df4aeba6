package io.vquant.engine;

import io.vquant.engine.runtime.ComparedLogitsPass;
import io.vquant.eval.DivergenceScorer;
import io.vquant.eval.TokenDivergence;
import java.util.ArrayList;
import java.util.List;

/**
 * An engine's model with several KV caches, each compared with that of a base; see {@link Engine}.
 * For one thread.
 */
public final class EngineDivergenceScorer implements DivergenceScorer, AutoCloseable {
  private final ScoringRules rules;
  private final ComparedLogitsPass pass;

  EngineDivergenceScorer(ScoringRules rules, ComparedLogitsPass pass) {
    this.rules = rules;
    this.pass = pass;
  }

  @Override
  public int contextLength() {
    return rules.contextLength();
  }

  @Override
  public int ways() {
    return pass.caches();
  }

  /** Bytes of one of the compared caches so far. */
  public long kvCacheByteSize(int way) {
    return pass.cacheByteSize(way);
  }

  /** Time that the layers have taken with one of the compared caches, all calls together. */
  public long layerNanos(int way) {
    return pass.layerNanos(way);
  }

  /** Tokens that went through the layers in that time. */
  public long layerTokens(int way) {
    return pass.layerTokens(way);
  }

  @Override
  public List<List<TokenDivergence>> compare(int[] tokenIds, int firstScored) {
    rules.check(tokenIds, firstScored);
    List<List<TokenDivergence>> ways = new ArrayList<>();
    for (int i = 0; i < ways(); i++) {
      ways.add(new ArrayList<>(tokenIds.length - firstScored));
    }
    ComparedLogitsPass.RowsConsumer consumer =
        (way, position, base, logits) ->
            rules.scoreRows(
                tokenIds,
                position,
                logits.rows(),
                (row, id) ->
                    ways.get(way)
                        .add(
                            TokenDivergence.of(
                                base.segment(),
                                base.rowByteOffset(row),
                                logits.segment(),
                                logits.rowByteOffset(row),
                                logits.columns(),
                                id)));
    int first = firstScored - 1;
    switch (rules.mode()) {
      case PREFILL -> pass.run(tokenIds, first, rules.forwardListener(), consumer);
      case DECODE -> pass.runByToken(tokenIds, first, rules.forwardListener(), consumer);
    }
    return ways;
  }

  @Override
  public void close() {
    pass.close();
  }
}
