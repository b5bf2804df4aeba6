package io.vquant.engine.chat;

import io.vquant.engine.GenerationRequest;
import io.vquant.engine.SamplingParams;
import java.util.List;

/**
 * How answers are made.
 *
 * @param sampling how tokens are chosen; a seed is the first answer's, and each further answer's is
 *     derived from it, so that a conversation can be repeated and a second attempt differs
 * @param maxTokens most tokens of an answer, or {@link GenerationRequest#UNLIMITED}
 * @param stopStrings an answer ends before the first of these
 * @param ignoreEos goes on after tokens that end an answer
 */
public record AnswerSettings(
    SamplingParams sampling, int maxTokens, List<String> stopStrings, boolean ignoreEos) {

  /**
   * Checks the values.
   *
   * @throws IllegalArgumentException if one is out of range; names it
   */
  public AnswerSettings {
    stopStrings = List.copyOf(stopStrings);
    GenerationRequest.builder(new int[1]).maxTokens(maxTokens).stopStrings(stopStrings);
  }

  /** To the end of the answer, and no more than that. */
  public static AnswerSettings of(SamplingParams sampling) {
    return new AnswerSettings(sampling, GenerationRequest.UNLIMITED, List.of(), false);
  }

  public AnswerSettings withSampling(SamplingParams params) {
    return new AnswerSettings(params, maxTokens, stopStrings, ignoreEos);
  }

  public AnswerSettings withMaxTokens(int tokens) {
    return new AnswerSettings(sampling, tokens, stopStrings, ignoreEos);
  }

  /**
   * The request for the answer at an index of the conversation.
   *
   * @param attempt answers given to the same message before
   */
  GenerationRequest request(int[] promptIds, int index, int attempt) {
    SamplingParams params = sampling;
    if (sampling.seed().isPresent()) {
      params = sampling.withSeed(sampling.seed().getAsLong() + index + ((long) attempt << 32));
    }
    return GenerationRequest.builder(promptIds)
        .sampling(params)
        .maxTokens(maxTokens)
        .stopStrings(stopStrings)
        .ignoreEos(ignoreEos)
        .build();
  }
}
