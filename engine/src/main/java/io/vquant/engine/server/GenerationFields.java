package io.vquant.engine.server;

import io.vquant.engine.SamplingParams;
import io.vquant.engine.sampling.LogitsProcessor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What both kinds of requests say about how to generate.
 *
 * @param sampling the model's defaults with what was given
 * @param stop texts that end an answer
 * @param processors run before those of the sampling
 * @param constraint makes one more of them for each choice
 * @param choices answers wanted of each prompt
 */
record GenerationFields(
    SamplingParams sampling,
    List<String> stop,
    List<LogitsProcessor> processors,
    @Nullable Supplier<LogitsProcessor> constraint,
    int choices,
    boolean stream,
    boolean includeUsage,
    boolean ignoreEos) {
  private static final int MAX_CHOICES = 16;
  private static final int MAX_STOPS = 16;
  private static final int MAX_STOP_CHARS = 1000;
  private static final int MAX_BIASES = 4096;

  /** Reads the fields; the names are OpenAI's, and those that vLLM and llama.cpp add. */
  static GenerationFields read(JsonFields fields, SamplingParams defaults, int vocabSize) {
    boolean stream = fields.flag("stream", false);
    JsonFields streamOptions = fields.object("stream_options");
    boolean includeUsage = false;
    if (streamOptions != null) {
      if (!stream) {
        throw ApiFailure.badField("stream_options", "needs stream to be true");
      }
      includeUsage = streamOptions.flag("include_usage", false);
      streamOptions.acceptWithoutEffect("include_obfuscation");
      streamOptions.requireAllRead();
    }
    fields.acceptWithoutEffect("user", "metadata", "service_tier", "safety_identifier");
    fields.acceptWithoutEffect("prompt_cache_key");
    if (fields.flag("store", false)) {
      throw ApiFailure.badField("store", "answers are not stored here, expected false");
    }
    return new GenerationFields(
        sampling(fields, defaults),
        stop(fields),
        bias(fields, vocabSize),
        null,
        fields.integer("n", 1, MAX_CHOICES, 1),
        stream,
        includeUsage,
        fields.flag("ignore_eos", false));
  }

  private static SamplingParams sampling(JsonFields fields, SamplingParams defaults) {
    SamplingParams params = defaults;
    Double temperature = fields.number("temperature", 0, 100);
    params = temperature == null ? params : params.withTemperature((float) (double) temperature);
    Double topP = fields.number("top_p", 0, 1);
    if (topP != null) {
      if ((float) (double) topP == 0) {
        throw fields.bad("top_p", "a number above 0 and at most 1");
      }
      params = params.withTopP((float) (double) topP);
    }
    Long topK = fields.integer("top_k", -1, Integer.MAX_VALUE);
    params = topK == null ? params : params.withTopK((int) Math.max(0, topK));
    Double minP = fields.number("min_p", 0, 1);
    params = minP == null ? params : params.withMinP((float) (double) minP);
    Double presence = fields.number("presence_penalty", -2, 2);
    params = presence == null ? params : params.withPresencePenalty((float) (double) presence);
    Double frequency = fields.number("frequency_penalty", -2, 2);
    params = frequency == null ? params : params.withFrequencyPenalty((float) (double) frequency);
    Double repetition = fields.number("repetition_penalty", 1e-3, 100);
    params =
        repetition == null ? params : params.withRepetitionPenalty((float) (double) repetition);
    Long seed = fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE);
    return seed == null ? params : params.withSeed(seed);
  }

  private static List<String> stop(JsonFields fields) {
    Object value = fields.any("stop");
    List<String> stops = new ArrayList<>();
    List<?> values =
        value instanceof List<?> list ? list : value == null ? List.of() : List.of(value);
    for (Object stop : values) {
      if (!(stop instanceof String text) || text.isEmpty() || text.length() > MAX_STOP_CHARS) {
        throw ApiFailure.badField(
            "stop", "expected texts of 1 to " + MAX_STOP_CHARS + " characters");
      }
      stops.add(text);
    }
    if (stops.size() > MAX_STOPS) {
      throw ApiFailure.badField(
          "stop", "has " + stops.size() + " texts, expected at most " + MAX_STOPS);
    }
    return stops;
  }

  private static List<LogitsProcessor> bias(JsonFields fields, int vocabSize) {
    JsonFields object = fields.object("logit_bias");
    if (object == null) {
      return List.of();
    }
    Map<Integer, Float> biases = new HashMap<>();
    for (String key : object.rest().keySet()) {
      int token = tokenId(key);
      if (token < 0 || token >= vocabSize) {
        throw ApiFailure.badField(
            "logit_bias." + key, "expected a token id from 0 to " + (vocabSize - 1));
      }
      Double bias = object.number(key, -100, 100);
      biases.put(token, bias == null ? 0f : (float) (double) bias);
    }
    if (biases.size() > MAX_BIASES) {
      throw ApiFailure.badField(
          "logit_bias", "has " + biases.size() + " tokens, expected at most " + MAX_BIASES);
    }
    return List.of(new LogitBias(biases));
  }

  private static int tokenId(String key) {
    boolean digits =
        !key.isEmpty() && key.length() <= 9 && key.chars().allMatch(c -> c >= '0' && c <= '9');
    return digits ? Integer.parseInt(key) : -1;
  }

  /** The sampling of one of several choices: a seed given is the first's, the others follow it. */
  SamplingParams samplingOf(int choice) {
    return sampling.seed().isEmpty()
        ? sampling
        : sampling.withSeed(sampling.seed().getAsLong() + choice);
  }

  /**
   * The same with a processor that follows the answer.
   *
   * @param constraint makes one for each choice; null for none
   */
  GenerationFields with(@Nullable Supplier<LogitsProcessor> constraint) {
    return new GenerationFields(
        sampling, stop, processors, constraint, choices, stream, includeUsage, ignoreEos);
  }

  /** Processors for one choice. */
  List<LogitsProcessor> newProcessors() {
    List<LogitsProcessor> all = new ArrayList<>(processors);
    if (constraint != null) {
      all.add(constraint.get());
    }
    return all;
  }
}
