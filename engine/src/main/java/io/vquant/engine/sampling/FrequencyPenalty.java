package io.vquant.engine.sampling;

/**
 * Subtracts the penalty from a token's logit once for each of its recent occurrences.
 *
 * @param penalty a negative one rewards
 * @param window how many tokens back an occurrence counts
 */
public record FrequencyPenalty(float penalty, int window) implements LogitsProcessor {

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    for (int i = RecentTokens.start(history, window); i < history.length(); i++) {
      int index = candidates.indexOf(history.tokenId(i));
      if (index >= 0) {
        candidates.setLogit(index, candidates.logit(index) - penalty);
      }
    }
  }
}
