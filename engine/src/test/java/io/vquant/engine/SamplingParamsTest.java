package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class SamplingParamsTest {
  private static final SamplingParams GREEDY = SamplingParams.greedy();

  private static void refused(ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
  }

  @Test
  void valuesOutOfRangeAreNamedWithTheRange() {
    refused(
        () -> GREEDY.withTemperature(Float.NaN),
        "temperature NaN: expected a number of 0 (greedy) or more");
    refused(
        () -> GREEDY.withTemperature(-0.1f),
        "temperature -0.1: expected a number of 0 (greedy) or more");
    refused(
        () -> GREEDY.withTemperature(Float.POSITIVE_INFINITY),
        "temperature Infinity: expected a number of 0 (greedy) or more");
    refused(() -> GREEDY.withTopP(1.5f), "top-p 1.5: expected above 0 and at most 1 (off)");
    refused(() -> GREEDY.withTopP(0), "top-p 0.0: expected above 0 and at most 1 (off)");
    refused(() -> GREEDY.withTopP(Float.NaN), "top-p NaN: expected above 0 and at most 1 (off)");
    refused(() -> GREEDY.withMinP(-1), "min-p -1.0: expected 0 (off) to 1");
    refused(() -> GREEDY.withMinP(Float.NaN), "min-p NaN: expected 0 (off) to 1");
    refused(() -> GREEDY.withTopK(-1), "top-k -1: expected 0 (off) or more");
    refused(
        () -> GREEDY.withRepetitionPenalty(0),
        "repeat-penalty 0.0: expected a number above 0 (1 is off)");
    refused(() -> GREEDY.withPresencePenalty(Float.NaN), "presence-penalty NaN: expected -2 to 2");
    refused(() -> GREEDY.withFrequencyPenalty(2.5f), "frequency-penalty 2.5: expected -2 to 2");
  }

  @Test
  void requestsAreChecked() {
    assertThatThrownBy(() -> GenerationRequest.builder(new int[0]))
        .isInstanceOf(InvalidPromptException.class)
        .hasMessage("prompt of 0 tokens: expected at least 1");
    GenerationRequest.Builder builder = GenerationRequest.builder(new int[] {1});
    refused(() -> builder.maxTokens(0), "max-tokens 0: expected 1 or more, or -1 (to the end)");
    refused(() -> builder.maxTokens(-2), "max-tokens -2: expected 1 or more, or -1 (to the end)");
    refused(
        () -> builder.stopStrings(java.util.List.of("a", "")),
        "stop text \"\": expected at least one character");
  }
}
