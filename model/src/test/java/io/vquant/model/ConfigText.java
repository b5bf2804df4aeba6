package io.vquant.model;

import io.vquant.model.architectures.Architectures;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A small config to be changed field by field. */
public final class ConfigText {
  private static final String LLAMA =
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
       "vocab_size": 97, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3,
       "num_attention_heads": 6, "num_key_value_heads": 3, "max_position_embeddings": 640,
       "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": false}
      """;

  private final ObjectNode object = (ObjectNode) JsonMapper.shared().readTree(LLAMA);

  private ConfigText() {}

  public static ConfigText llama() {
    return new ConfigText();
  }

  public static ConfigText of(String className, String modelType) {
    return llama()
        .with("architectures", "[\"" + className + "\"]")
        .with("model_type", "\"" + modelType + "\"");
  }

  /** Sets a field to a JSON text. */
  public ConfigText with(String field, String json) {
    object.set(field, JsonMapper.shared().readTree(json));
    return this;
  }

  public ConfigText without(String field) {
    object.remove(field);
    return this;
  }

  public ModelConfig read() {
    return parse(toString());
  }

  public static ModelConfig parse(String json) {
    return parse(json.getBytes(StandardCharsets.UTF_8));
  }

  public static ModelConfig parse(byte[] json) {
    return Architectures.parseConfig(Path.of("dir", "config.json"), json);
  }

  @Override
  public String toString() {
    return object.toString();
  }
}
