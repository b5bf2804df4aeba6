package io.vquant.eval;

import java.util.List;

/**
 * A model as evaluation tasks see it: the three kinds of request of lm-evaluation-harness. Answers
 * are in the order of the requests.
 */
public interface LanguageModel {

  /**
   * A text and what may follow it.
   *
   * @param context may be empty: then the continuation follows the model's beginning-of-text token
   * @param continuation scored, not empty
   */
  record Continuation(String context, String continuation) {}

  /**
   * How likely a continuation is.
   *
   * @param logLikelihood sum of the natural logarithms of its tokens' probabilities
   * @param greedy whether each of its tokens is the most likely one
   */
  record LogLikelihood(double logLikelihood, boolean greedy) {}

  /**
   * A text to continue.
   *
   * @param context the text, not empty
   * @param until strings that end the answer; they are not part of it
   * @param maxTokens most tokens to generate, at least 1
   */
  record Generation(String context, List<String> until, int maxTokens) {
    public Generation {
      until = List.copyOf(until);
    }
  }

  /** Scores continuations. */
  List<LogLikelihood> logLikelihood(List<Continuation> requests);

  /**
   * Scores whole texts, each token once: texts longer than the context go in windows without
   * overlap, each predicted from the last token before it on (the first from the beginning-of-text
   * token).
   *
   * @param texts none empty
   * @return sums of the natural logarithms of the tokens' probabilities
   */
  List<Double> rollingLogLikelihood(List<String> texts);

  /** Continues texts greedily. */
  List<String> generateUntil(List<Generation> requests);
}
