package io.vquant.engine.server;

import io.vquant.engine.sampling.Candidates;
import io.vquant.engine.sampling.LogitsProcessor;
import io.vquant.engine.sampling.TokenHistory;
import java.util.Map;

/**
 * Adds to the logits of some tokens.
 *
 * @param biases by token id; -100 and below forbids the token
 */
record LogitBias(Map<Integer, Float> biases) implements LogitsProcessor {
  private static final float FORBIDS = -100;

  LogitBias {
    biases = Map.copyOf(biases);
  }

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    biases.forEach((token, bias) -> {
      int index = candidates.indexOf(token);
      if (index >= 0) {
        float logit = candidates.logit(index) + bias;
        candidates.setLogit(index, bias <= FORBIDS ? Float.NEGATIVE_INFINITY : logit);
      }
    });
  }
}
