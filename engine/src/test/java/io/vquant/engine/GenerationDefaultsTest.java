package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.model.MalformedConfigException;
import io.vquant.model.ModelConfig;
import io.vquant.model.loading.ModelLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerationDefaultsTest {
  @TempDir Path directory;

  private GenerationDefaults read(String json) throws IOException {
    Files.writeString(directory.resolve(GenerationDefaults.FILE_NAME), json);
    return GenerationDefaults.read(directory, config());
  }

  private static ModelConfig config() {
    return ModelLoader.readConfig(TestModels.tiny());
  }

  @Test
  void withoutAFileTheyAreTheStandardOnes() {
    GenerationDefaults defaults = GenerationDefaults.read(directory, config());
    assertThat(defaults.sampling())
        .isEqualTo(SamplingParams.greedy().withTemperature(0.7f).withTopP(0.95f));
    assertThat(defaults.eosTokenIds()).containsExactly(2, 0);
  }

  @Test
  void fieldsOfTheFileComeFirst() throws IOException {
    GenerationDefaults defaults =
        read(
            """
            {"temperature": 0.6, "top_k": 20, "top_p": 0.8, "min_p": 0.05,
             "repetition_penalty": 1.1, "do_sample": true, "eos_token_id": 7}\
            """);
    assertThat(defaults.sampling())
        .isEqualTo(
            SamplingParams.greedy()
                .withTemperature(0.6f)
                .withTopK(20)
                .withTopP(0.8f)
                .withMinP(0.05f)
                .withRepetitionPenalty(1.1f));
    assertThat(defaults.eosTokenIds()).containsExactly(7);
  }

  @Test
  void nullIsAbsentAndGreedyIsHonoured() throws IOException {
    GenerationDefaults defaults = read("{\"top_k\": null, \"eos_token_id\": null}");
    assertThat(defaults.sampling().topK()).isZero();
    assertThat(defaults.eosTokenIds()).containsExactly(2, 0);
    assertThat(read("{\"do_sample\": false, \"temperature\": 0.9}").sampling().isGreedy()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"temperature\": \"hot\"} | temperature",
        "{\"temperature\": -1} | temperature",
        "{\"temperature\": 1e999} | temperature",
        "{\"top_p\": 0} | top_p",
        "{\"top_k\": 1.5} | top_k",
        "{\"top_k\": -1} | top_k",
        "{\"min_p\": 2} | min_p",
        "{\"repetition_penalty\": 0} | repetition_penalty",
        "{\"do_sample\": 1} | do_sample",
        "{\"eos_token_id\": \"</s>\"} | eos_token_id",
        "{\"eos_token_id\": [1, -2]} | eos_token_id",
        "[] | generation_config.json",
        "{\"a\": 1, \"a\": 2} | generation_config.json",
      })
  void otherTypesAndRangesAreRefusedInOneLine(String json, String named) {
    assertThatThrownBy(() -> read(json))
        .isInstanceOf(MalformedConfigException.class)
        .hasMessageContaining(GenerationDefaults.FILE_NAME)
        .hasMessageContaining(named)
        .message()
        .doesNotContain("\n");
  }
}
