package io.vquant.engine;

import io.vquant.model.MalformedConfigException;
import io.vquant.model.ModelConfig;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.ConfigJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * How a model's maker wants it sampled, from {@code generation_config.json}; temperature 0.7 and
 * top-p 0.95 where that file does not say. A file that says {@code "do_sample": false} asks for
 * greedy decoding: then the temperature is 0 whatever else it holds, as in transformers.
 *
 * @param sampling the parameters, without a seed
 * @param eosTokenIds tokens that end an answer: those of this file if it names any, else those of
 *     {@code config.json} (transformers reads the second only where the first is silent)
 */
public record GenerationDefaults(SamplingParams sampling, List<Integer> eosTokenIds) {
  /** The file's name in a model folder; it may be absent. */
  public static final String FILE_NAME = "generation_config.json";

  private static final float TEMPERATURE = 0.7f;
  private static final float TOP_P = 0.95f;

  public GenerationDefaults {
    eosTokenIds = List.copyOf(eosTokenIds);
  }

  /**
   * Reads the defaults of a model.
   *
   * @throws MalformedConfigException if the file is there and is not a JSON object, or a field in
   *     it has another type or a value out of range
   */
  public static GenerationDefaults read(Path modelDirectory, ModelConfig config) {
    List<Integer> modelEos = config.tokens().eos();
    Path file = modelDirectory.resolve(FILE_NAME);
    if (Files.notExists(file)) {
      return new GenerationDefaults(standard(), modelEos);
    }
    ConfigFields fields = ConfigJson.read(file);
    List<Integer> eos = fields.tokenIds("eos_token_id");
    for (int id : eos) {
      if (id < 0) {
        throw fields.bad("eos_token_id", "token ids of 0 or more");
      }
    }
    return new GenerationDefaults(sampling(fields), eos.isEmpty() ? modelEos : eos);
  }

  private static SamplingParams standard() {
    return SamplingParams.greedy().withTemperature(TEMPERATURE).withTopP(TOP_P);
  }

  private static SamplingParams sampling(ConfigFields fields) {
    float temperature = number(fields, "temperature", TEMPERATURE, 0, Float.MAX_VALUE);
    if (!fields.flag("do_sample", true)) {
      temperature = 0;
    }
    float topP = number(fields, "top_p", TOP_P, 0, 1);
    if (topP == 0) {
      throw fields.bad("top_p", "a number above 0 and at most 1");
    }
    float repetition = (float) fields.optionalPositive("repetition_penalty").orElse(1);
    return new SamplingParams(
        temperature,
        fields.optionalInt("top_k", 0, Integer.MAX_VALUE).orElse(0),
        topP,
        number(fields, "min_p", 0, 0, 1),
        repetition,
        0,
        0,
        OptionalLong.empty());
  }

  private static float number(
      ConfigFields fields, String name, float whenAbsent, float min, float max) {
    OptionalDouble value = fields.optionalNumber(name);
    if (value.isEmpty()) {
      return whenAbsent;
    }
    double number = value.getAsDouble();
    if (number < min || number > max) {
      String upTo = max == Float.MAX_VALUE ? " or more" : " to " + (int) max;
      throw fields.bad(name, "a number of " + (int) min + upTo);
    }
    return (float) number;
  }
}
