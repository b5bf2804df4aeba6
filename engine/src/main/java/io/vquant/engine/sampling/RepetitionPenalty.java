package io.vquant.engine.sampling;

/**
 * Makes recent tokens less likely: a positive logit is divided by the penalty, a negative one
 * multiplied (Keskar et al. 2019, section 4.1, with the sign handled as transformers does).
 *
 * @param penalty above 0; below 1 it rewards
 * @param window how many tokens back a token counts as recent
 */
public record RepetitionPenalty(float penalty, int window) implements LogitsProcessor {

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    int start = RecentTokens.start(history, window);
    for (int position = start; position < history.length(); position++) {
      int index = candidates.indexOf(history.tokenId(position));
      if (index >= 0 && RecentTokens.isFirstOccurrence(history, start, position)) {
        float logit = candidates.logit(index);
        candidates.setLogit(index, logit > 0 ? logit / penalty : logit * penalty);
      }
    }
  }
}
