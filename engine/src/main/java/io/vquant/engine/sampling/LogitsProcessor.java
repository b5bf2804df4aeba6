package io.vquant.engine.sampling;

/**
 * Changes or removes candidates for the next token. Processors run in the order of {@link Sampler};
 * those that a program adds run first, when every token of the vocabulary is still a candidate.
 */
@FunctionalInterface
public interface LogitsProcessor {

  /**
   * Processes one step.
   *
   * @param candidates to change in place; a logit of negative infinity forbids a token
   * @param history the tokens so far, prompt included
   */
  void process(Candidates candidates, TokenHistory history);
}
