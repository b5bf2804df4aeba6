package io.vquant.engine.cli;

import io.vquant.engine.SamplingParams;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How tokens are chosen; what is not given comes from the model's maker. */
final class SamplingOptions {
  private static final String NUMBER = "X";

  @Option(
      names = "--temp",
      paramLabel = NUMBER,
      description = "temperature; 0 takes the most likely token (greedy)")
  private @Nullable Float temperature;

  @Option(names = "--top-k", paramLabel = "N", description = "keep the N most likely; 0: all")
  private @Nullable Integer topK;

  @Option(
      names = "--top-p",
      paramLabel = NUMBER,
      description = "keep the most likely that together have this probability; 1: all")
  private @Nullable Float topP;

  @Option(
      names = "--min-p",
      paramLabel = NUMBER,
      description = "keep those at least this fraction as likely as the first; 0: all")
  private @Nullable Float minP;

  @Option(
      names = "--repeat-penalty",
      paramLabel = NUMBER,
      description = "divides the logits of the last 64 tokens; 1: none")
  private @Nullable Float repeatPenalty;

  @Option(
      names = "--presence-penalty",
      paramLabel = NUMBER,
      description = "subtracted once from the logits of the last 64 tokens; 0: none")
  private @Nullable Float presencePenalty;

  @Option(
      names = "--frequency-penalty",
      paramLabel = NUMBER,
      description = "subtracted for each time among the last 64 tokens; 0: none")
  private @Nullable Float frequencyPenalty;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "the same seed gives the same answer (default: drawn and reported)")
  private @Nullable Long seed;

  /** The same options for plain lines. */
  void addTo(PlainLine line) {
    line.number(value -> temperature = Float.valueOf(value), "--temp");
    line.wholeNumber(value -> topK = Integer.valueOf(value), "--top-k");
    line.number(value -> topP = Float.valueOf(value), "--top-p");
    line.number(value -> minP = Float.valueOf(value), "--min-p");
    line.number(value -> repeatPenalty = Float.valueOf(value), "--repeat-penalty");
    line.number(value -> presencePenalty = Float.valueOf(value), "--presence-penalty");
    line.number(value -> frequencyPenalty = Float.valueOf(value), "--frequency-penalty");
    line.wholeNumber(value -> seed = Long.valueOf(value), "--seed");
  }

  /**
   * {@code defaults} with what was given.
   *
   * @throws CommandFailure if a value is out of range
   */
  SamplingParams over(SamplingParams defaults) {
    try {
      SamplingParams params = defaults;
      params = temperature == null ? params : params.withTemperature(temperature);
      params = topK == null ? params : params.withTopK(topK);
      params = topP == null ? params : params.withTopP(topP);
      params = minP == null ? params : params.withMinP(minP);
      params = repeatPenalty == null ? params : params.withRepetitionPenalty(repeatPenalty);
      params = presencePenalty == null ? params : params.withPresencePenalty(presencePenalty);
      params = frequencyPenalty == null ? params : params.withFrequencyPenalty(frequencyPenalty);
      return seed == null ? params : params.withSeed(seed);
    } catch (IllegalArgumentException e) {
      // the library's messages begin with the parameter's name, which is the option's but for one
      String message = String.valueOf(e.getMessage()).replaceFirst("^temperature ", "temp ");
      throw CommandFailure.usage("--" + message);
    }
  }

  /** Checks what was given, before a model is there. */
  void check() {
    over(SamplingParams.greedy());
  }
}
