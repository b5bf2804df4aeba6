package io.vquant.engine.sampling;

/**
 * Keeps the nucleus: the fewest most likely tokens that reach a probability together (Holtzman et
 * al. 2019, section 3.1).
 *
 * @param probability above 0 and below 1
 */
public record TopP(float probability) implements LogitsProcessor {

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    candidates.retainNucleus(probability);
  }
}
