package io.vquant.engine.sampling;

/**
 * Keeps tokens at least {@code fraction} times as likely as the most likely one (Nguyen et al.
 * 2024, section 3).
 *
 * @param fraction above 0 and at most 1
 */
public record MinP(float fraction) implements LogitsProcessor {

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    float max = candidates.logit(candidates.indexOfMax());
    candidates.retainAtLeast(max + (float) StrictMath.log(fraction));
  }
}
