package io.vquant.engine.batching;

import io.vquant.engine.GenerationRequest;
import java.util.Set;

/**
 * A request to a batch.
 *
 * @param generation what to generate
 * @param topLogprobs how many of the most likely tokens are told with each token's own
 *     log-probability, 0 to {@link #MAX_TOP_LOGPROBS}; {@link #NO_LOGPROBS} tells none at all
 * @param promptLogprobs whether the prompt's tokens are scored too
 * @param generates false: only the prompt is read and scored
 * @param shownTokens special tokens that appear in the text as the vocabulary writes them
 */
public record BatchRequest(
    GenerationRequest generation,
    int topLogprobs,
    boolean promptLogprobs,
    boolean generates,
    Set<Integer> shownTokens) {
  public static final int NO_LOGPROBS = -1;
  public static final int MAX_TOP_LOGPROBS = 20;

  public BatchRequest {
    shownTokens = Set.copyOf(shownTokens);
    if (topLogprobs < NO_LOGPROBS || topLogprobs > MAX_TOP_LOGPROBS) {
      throw new IllegalArgumentException(
          "top logprobs " + topLogprobs + ": expected 0 to " + MAX_TOP_LOGPROBS);
    }
    if (promptLogprobs && topLogprobs == NO_LOGPROBS) {
      throw new IllegalArgumentException("prompt logprobs need a number of top logprobs");
    }
  }

  /** Text alone. */
  public static BatchRequest of(GenerationRequest generation) {
    return new BatchRequest(generation, NO_LOGPROBS, false, true, Set.of());
  }

  boolean wantsLogprobs() {
    return topLogprobs != NO_LOGPROBS;
  }
}
