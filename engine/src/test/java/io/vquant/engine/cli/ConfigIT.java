package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every way in which config.json can be bad ends with exit code 3 and one line. */
final class ConfigIT {
  private static final int BAD_MODEL = 3;
  private static final int NOT_ENOUGH_MEMORY = 5;
  private static final String CONFIG = "config.json";
  @TempDir private Path temp;
  private ModelFolder model;

  @BeforeEach
  void bundledModel() throws IOException {
    model = ModelFolder.complete(temp.resolve("model"));
  }

  private Cli.Outcome inspect() {
    return Cli.onThisJava().run("inspect", "-m", model.toString());
  }

  @Test
  void theModelItselfIsGood() {
    inspect().succeeds();
  }

  @Test
  void missing() throws IOException {
    model.delete(CONFIG);
    inspect().failsWith(BAD_MODEL, CONFIG);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "3", "{", "{}", "null", "{\"architectures\":[]}"})
  void notAConfig(String text) {
    model.write(CONFIG, text);
    inspect().failsWith(BAD_MODEL, CONFIG);
  }

  static Stream<Arguments> badFields() {
    return Stream.of(
        Arguments.of("\"hidden_size\": 256", "\"hidden_size\": \"256\"", "hidden_size"),
        Arguments.of("\"hidden_size\": 256", "\"hidden_size\": 256.5", "hidden_size"),
        Arguments.of("\"hidden_size\": 256", "\"hidden_size\": -256", "hidden_size"),
        Arguments.of("\"hidden_size\": 256", "\"hidden_size\": 255", "255"),
        Arguments.of("\"hidden_size\": 256,", "", "hidden_size"),
        Arguments.of("\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": []", "rms_norm_eps"),
        Arguments.of("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": 1", "tie_word"),
        Arguments.of("LlamaForCausalLM", "GrokForCausalLM", "GrokForCausalLM"),
        Arguments.of("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "num_key_value"),
        Arguments.of("\"num_hidden_layers\": 8", "\"num_hidden_layers\": 9", "num_hidden_layers"),
        Arguments.of("\"num_hidden_layers\": 8", "\"num_hidden_layers\": 7", "layer"),
        Arguments.of("\"vocab_size\": 4096", "\"vocab_size\": 4097", "embed_tokens"),
        Arguments.of("\"rope_theta\": 100000.0", "\"rope_theta\": 0", "rope_theta"),
        Arguments.of("\"rope_type\": \"default\"", "\"rope_type\": \"spiral\"", "spiral"),
        Arguments.of("\"hidden_act\": \"silu\"", "\"hidden_act\": \"magic\"", "magic"),
        Arguments.of(
            "\"use_cache\": true",
            "\"quantization_config\": {\"quant_method\":\"gptq\"}",
            "quantization_config"));
  }

  @ParameterizedTest
  @MethodSource("badFields")
  void badField(String good, String bad, String named) throws IOException {
    model.replace(CONFIG, good, bad);
    inspect().failsWith(BAD_MODEL, named);
  }

  @Test
  void hugeContextAllocatesNothing() throws IOException {
    model.replace(
        CONFIG, "\"max_position_embeddings\": 8192", "\"max_position_embeddings\": 1000000000");
    inspect().succeeds();
    Cli small = Cli.onThisJava().withOptions("-Xmx128m");
    small
        .run("generate", "--raw", "-m", model.toString(), "hello")
        .failsWith(NOT_ENOUGH_MEMORY, "1000000000");
    small
        .run("generate", "--raw", "-c", "64", "-n", "1", "-m", model.toString(), "hello")
        .succeeds();
  }
}
