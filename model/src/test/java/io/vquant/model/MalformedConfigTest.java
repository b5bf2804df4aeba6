package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.model.loading.ModelLoader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every config that must be refused, and what the one line says. */
class MalformedConfigTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "vocab_size|0|from 1 to",
        "vocab_size|-5|from 1 to",
        "vocab_size|1.5|an integer",
        "vocab_size|\"97\"|an integer",
        "vocab_size|99999999999999999999|an integer",
        "vocab_size|2147483647|an integer",
        "hidden_size|null|from 1 to",
        "hidden_size|[48]|a list of 1",
        "hidden_size|50|a divisor of hidden_size",
        "intermediate_size|true|an integer",
        "num_hidden_layers|1000000000|1 to 4096",
        "num_attention_heads|5|num_key_value_heads",
        "num_attention_heads|9|a divisor of hidden_size",
        "num_key_value_heads|4|a divisor of num_attention_heads (6)",
        "num_key_value_heads|0|from 1 to",
        "head_dim|7|even",
        "head_dim|0|from 1 to",
        "head_dim|16777216|heads of",
        "max_position_embeddings|0|from 1 to",
        "max_position_embeddings|1e9|an integer",
        "rms_norm_eps|-1e-6|0 to under 1",
        "rms_norm_eps|\"1e-5\"|a finite number",
        "rms_norm_eps|1e999|a finite number",
        "hidden_act|\"gelu\"|silu",
        "hidden_act|3|a string",
        "rope_theta|0|over 0",
        "rope_theta|-10000|over 0",
        "rope_theta|1e-300|over 0",
        "rope_theta|1e300|float32",
        "rope_theta|\"10000\"|a finite number",
        "rope_scaling|\"linear\"|a JSON object",
        "rope_scaling|{\"rope_type\": \"dynamic\", \"factor\": 2.0}|default, linear, llama3, yarn",
        "rope_scaling|{\"rope_type\": \"longrope\"}|default, linear, llama3, yarn",
        "rope_scaling|{\"type\": \"ntk\"}|rope_scaling.type",
        "rope_scaling|{\"type\": \"mrope\", \"mrope_section\": [1]}|default, linear",
        "rope_scaling|{\"mrope_section\": [1]}|rope_scaling.mrope_section",
        "rope_scaling|{\"rope_type\": \"linear\"}|rope_scaling.factor is missing",
        "rope_scaling|{\"rope_type\": \"linear\", \"factor\": 0}|over 0",
        "rope_scaling|{\"rope_type\": \"llama3\", \"factor\": 8}|low_freq_factor",
        "rope_scaling|{\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4,"
            + " \"high_freq_factor\": 4}|high_freq_factor",
        "rope_scaling|{\"rope_type\": \"yarn\", \"factor\": 4,"
            + " \"original_max_position_embeddings\": 0}|from 1 to",
        "rope_scaling|{\"rope_type\": \"yarn\", \"factor\": 4, \"rope_theta\": 1}|over 1 for yarn",
        "rope_scaling|{\"rope_type\": \"yarn\", \"factor\": 4, \"attention_factor\": -1}|positive",
        "rope_parameters|{\"partial_rotary_factor\": 0.5}|partial_rotary_factor",
        "rope_parameters|{\"full_attention\": null}|an object of rope parameters",
        "rope_parameters|{\"sliding_attention\": {\"rope_theta\": 1}}|an entry for full_attention",
        "rope_parameters|{\"full_attention\": {\"rope_theta\": 1}, \"x\": {}}|a layer type",
        "partial_rotary_factor|0.25|rotating a part of a head",
        "tie_word_embeddings|1|true or false",
        "attention_bias|\"no\"|true or false",
        "eos_token_id|\"</s>\"|an integer",
        "torch_dtype|16|a string",
        "layer_types|[\"full_attention\"]|one entry for each of num_hidden_layers (3)",
        "layer_types|[\"a\", \"b\", \"c\"]|is a, expected full_attention",
        "layer_types|[\"full_attention\", \"sliding_attention\", \"full_attention\"]|only full",
        "sliding_window|4096|changes the result",
        "quantization_config|{\"quant_method\": \"gptq\"}|changes the result",
        "quantization|{\"bits\": 4}|changes the result",
        "pretraining_tp|2|changes the result",
        "attn_logit_softcapping|50.0|changes the result",
        "final_logit_softcapping|30.0|changes the result",
        "logits_scaling|8|changes the result",
        "logit_scale|0.0625|changes the result",
        "embedding_multiplier|12.0|changes the result",
        "residual_multiplier|0.22|changes the result",
        "attention_multiplier|0.0078125|changes the result",
        "num_local_experts|8|changes the result",
        "n_routed_experts|64|changes the result",
        "moe_intermediate_size|1024|changes the result",
        "use_qk_norm|true|changes the result",
        "clip_qkv|8.0|changes the result",
        "is_encoder_decoder|true|changes the result",
        "architectures|[\"MixtralForCausalLM\"]|MixtralForCausalLM, expected one of LlamaForCausalLM",
        "architectures|\"LlamaForCausalLM\"|a list",
        "architectures|[1]|a list of strings",
        "architectures|[]|model type",
        "model_type|\"mistral\"|llama, as architectures is LlamaForCausalLM",
      })
  void field(String name, String json, String expected) {
    ConfigText text = ConfigText.llama().with(name, json);
    if (name.equals("architectures")) {
      text.with("model_type", "\"mixtral\"");
    }
    refused(text::read, expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings"
      })
  void missingField(String name) {
    refused(ConfigText.llama().without(name)::read, name + " is missing");
  }

  @Test
  void neitherArchitectureNorModelType() {
    refused(
        ConfigText.llama().without("architectures").without("model_type")::read,
        "architectures is missing, expected one of LlamaForCausalLM, MistralForCausalLM");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "Mistral|sliding_window|0|from 1 to",
        "Mistral|sliding_window|-1|from 1 to",
        "Mistral|attention_bias|true|changes the result",
        "Qwen2|qkv_bias|true|changes the result",
        "Qwen2|layer_types|[\"full_attention\",\"sliding_attention\",\"full_attention\"]|unless use",
        "Qwen2|use_sliding_window|1|true or false",
        "Qwen2|max_window_layers|-1|from 0 to",
        "Qwen3|head_dim|31|even",
        "SmolLM3|no_rope_layers|[1, 1]|num_hidden_layers (3)",
        "SmolLM3|no_rope_layers|[1, 1, 2]|a list of 0 and 1",
        "SmolLM3|no_rope_layer_interval|0|from 1 to",
        "SmolLM3|layer_types|[\"full_attention\",\"sliding_attention\",\"full_attention\"]|unless",
      })
  void fieldOfFamily(String family, String name, String json, String expected) {
    ConfigText text =
        ConfigText.of(family + "ForCausalLM", family.toLowerCase(java.util.Locale.ROOT));
    refused(text.with(name, json)::read, expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "[]|a JSON array",
        "3|a JSON number",
        "null|a JSON null",
        "{|not valid JSON",
        "{\"vocab_size\": 1, \"vocab_size\": 1}|not valid JSON",
        "{} {}|not valid JSON",
        "{\"rope_theta\": NaN}|not valid JSON",
        "version https://git-lfs.github.com/spec/v1|not valid JSON",
      })
  void text(String json, String expected) {
    refused(() -> ConfigText.parse(json), expected);
  }

  @Test
  void bytes() {
    refused(() -> ConfigText.parse(new byte[0]), "is empty");
    refused(() -> ConfigText.parse(" \n"), "is empty");
    refused(() -> ConfigText.parse(new byte[] {'{', '"', (byte) 0xff, '"'}), "not UTF-8");
    refused(() -> ConfigText.parse("[".repeat(100_000)), "not valid JSON");
    refused(() -> ConfigText.parse("{\"a\":".repeat(100_000)), "not valid JSON");
    refused(() -> ConfigText.parse("{\"vocab_size\": " + "9".repeat(50_000) + "}"), "not valid");
    byte[] large = new byte[5 << 20];
    Arrays.fill(large, (byte) ' ');
    refused(() -> ConfigText.parse(large), "bytes long");
  }

  @Test
  void hostileNamesStayOnOneLine() {
    refused(
        ConfigText.llama().with("architectures", "[\"A\\nB\\u2028" + "x".repeat(9999) + "\"]")
            ::read,
        "architectures");
    refused(ConfigText.llama().with("moe\n" + "x".repeat(900), "1")::read, "moe\\u000a");
  }

  @Test
  void file(@TempDir Path folder) throws IOException {
    refused(() -> ModelLoader.readConfig(folder.resolve("absent")), "is missing");
    Files.createDirectory(folder.resolve("config.json"));
    refused(() -> ModelLoader.readConfig(folder), "no regular file");
    Files.delete(folder.resolve("config.json"));
    Files.write(
        folder.resolve("config.json"),
        ConfigText.llama().toString().getBytes(StandardCharsets.UTF_8));
    assertThat(ModelLoader.readConfig(folder).vocabSize()).isEqualTo(97);
  }

  private static void refused(Supplier<ModelConfig> read, String expected) {
    assertThatThrownBy(read::get)
        .isInstanceOf(MalformedConfigException.class)
        .hasMessageContaining("config.json")
        .hasMessageContaining(expected)
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(700).doesNotContain("\n"));
  }
}
