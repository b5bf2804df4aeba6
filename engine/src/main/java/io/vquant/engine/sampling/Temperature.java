package io.vquant.engine.sampling;

/**
 * Divides the logits, after subtracting the largest: that changes no probability, and a tiny
 * temperature then cannot overflow.
 *
 * @param temperature above 0
 */
public record Temperature(float temperature) implements LogitsProcessor {

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    candidates.scaleBelowMax(temperature);
  }
}
