package io.vquant.engine;

import java.util.OptionalLong;

/**
 * How the next token is chosen. Each parameter is checked; a bad one throws {@link
 * IllegalArgumentException} with one line that names it, its value and the range.
 *
 * @param temperature divides the logits; 0 chooses the most likely token (greedy)
 * @param topK keeps the k most likely tokens; 0 keeps all
 * @param topP keeps the most likely tokens that together have this probability (Holtzman et al.
 *     2019, section 3.1); 1 keeps all
 * @param minP keeps tokens at least this fraction as likely as the most likely one (Nguyen et al.
 *     2024, section 3); 0 keeps all
 * @param repetitionPenalty divides positive and multiplies negative logits of recent tokens (Keskar
 *     et al. 2019, section 4.1); 1 changes nothing
 * @param presencePenalty subtracted once from the logit of each recent token; 0 changes nothing
 * @param frequencyPenalty subtracted from a logit for each recent occurrence; 0 changes nothing
 * @param seed of the generator; without one, one is drawn and reported
 */
public record SamplingParams(
    float temperature,
    int topK,
    float topP,
    float minP,
    float repetitionPenalty,
    float presencePenalty,
    float frequencyPenalty,
    OptionalLong seed) {

  /** Tokens that the penalties look back at, prompt included. */
  public static final int PENALTY_WINDOW_TOKENS = 64;

  public SamplingParams {
    check(
        temperature >= 0 && Float.isFinite(temperature),
        "temperature",
        temperature,
        "a number of 0 (greedy) or more");
    check(topK >= 0, "top-k", topK, "0 (off) or more");
    check(topP > 0 && topP <= 1, "top-p", topP, "above 0 and at most 1 (off)");
    check(minP >= 0 && minP <= 1, "min-p", minP, "0 (off) to 1");
    check(
        repetitionPenalty > 0 && Float.isFinite(repetitionPenalty),
        "repeat-penalty",
        repetitionPenalty,
        "a number above 0 (1 is off)");
    check(Math.abs(presencePenalty) <= 2, "presence-penalty", presencePenalty, "-2 to 2");
    check(Math.abs(frequencyPenalty) <= 2, "frequency-penalty", frequencyPenalty, "-2 to 2");
  }

  /** Always the most likely token, without penalties. */
  public static SamplingParams greedy() {
    return new SamplingParams(0, 0, 1, 0, 1, 0, 0, OptionalLong.empty());
  }

  /** Whether the most likely token (after penalties) is chosen, without chance. */
  public boolean isGreedy() {
    return temperature == 0;
  }

  public SamplingParams withTemperature(float value) {
    return new SamplingParams(
        value, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed);
  }

  public SamplingParams withTopK(int value) {
    return new SamplingParams(
        temperature, value, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed);
  }

  public SamplingParams withTopP(float value) {
    return new SamplingParams(
        temperature, topK, value, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed);
  }

  public SamplingParams withMinP(float value) {
    return new SamplingParams(
        temperature, topK, topP, value, repetitionPenalty, presencePenalty, frequencyPenalty, seed);
  }

  public SamplingParams withRepetitionPenalty(float value) {
    return new SamplingParams(
        temperature, topK, topP, minP, value, presencePenalty, frequencyPenalty, seed);
  }

  public SamplingParams withPresencePenalty(float value) {
    return new SamplingParams(
        temperature, topK, topP, minP, repetitionPenalty, value, frequencyPenalty, seed);
  }

  public SamplingParams withFrequencyPenalty(float value) {
    return new SamplingParams(
        temperature, topK, topP, minP, repetitionPenalty, presencePenalty, value, seed);
  }

  public SamplingParams withSeed(long value) {
    return new SamplingParams(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        presencePenalty,
        frequencyPenalty,
        OptionalLong.of(value));
  }

  private static void check(boolean valid, String name, Number value, String expected) {
    if (!valid) {
      throw new IllegalArgumentException(name + " " + value + ": expected " + expected);
    }
  }
}
