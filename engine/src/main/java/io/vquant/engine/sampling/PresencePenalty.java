package io.vquant.engine.sampling;

/**
 * Subtracts the penalty once from the logit of each recent token.
 *
 * @param penalty a negative one rewards
 * @param window how many tokens back a token counts as recent
 */
public record PresencePenalty(float penalty, int window) implements LogitsProcessor {

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    int start = RecentTokens.start(history, window);
    for (int position = start; position < history.length(); position++) {
      int index = candidates.indexOf(history.tokenId(position));
      if (index >= 0 && RecentTokens.isFirstOccurrence(history, start, position)) {
        candidates.setLogit(index, candidates.logit(index) - penalty);
      }
    }
  }
}
