package io.vquant.model.architectures;

import io.vquant.model.LayerConfig;
import io.vquant.model.ModelConfig.Biases;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.LayerType;
import io.vquant.model.config.LayerTypes;
import java.util.List;
import java.util.OptionalInt;

/**
 * Llama 2, 3, 3.1, 3.2, SmolLM2 and many others: pre-norm, rotary embedding, grouped-query
 * attention, SwiGLU (Touvron et al. 2023). Biases on attention and MLP are options.
 */
final class Llama implements Architecture {

  @Override
  public String className() {
    return "LlamaForCausalLM";
  }

  @Override
  public String modelType() {
    return "llama";
  }

  @Override
  public Biases biases(ConfigFields config) {
    boolean attention = config.flag("attention_bias", false);
    return new Biases(attention, attention, config.flag("mlp_bias", false));
  }

  @Override
  public List<LayerConfig> layers(ConfigFields config, int numLayers, RopeByLayerType rope) {
    return rope.layers(LayerTypes.uniform(config, numLayers, LayerType.FULL), OptionalInt.empty());
  }
}
