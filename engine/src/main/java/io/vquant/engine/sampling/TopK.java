package io.vquant.engine.sampling;

/**
 * Keeps the most likely tokens.
 *
 * @param count how many, at least 1; of equal logits at the border the smallest token ids stay
 */
public record TopK(int count) implements LogitsProcessor {

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    candidates.retainLargest(count);
  }
}
