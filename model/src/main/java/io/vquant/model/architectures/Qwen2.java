package io.vquant.model.architectures;

import io.vquant.model.LayerConfig;
import io.vquant.model.ModelConfig.Biases;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.LayerTypes;
import java.util.List;

/**
 * Qwen 2 and 2.5 (Yang et al. 2024): Llama with biases on queries, keys and values, and, where
 * switched on, a sliding window in the upper layers.
 */
final class Qwen2 implements Architecture {

  @Override
  public String className() {
    return "Qwen2ForCausalLM";
  }

  @Override
  public String modelType() {
    return "qwen2";
  }

  @Override
  public Biases biases(ConfigFields config) {
    return new Biases(true, false, false);
  }

  @Override
  public List<LayerConfig> layers(ConfigFields config, int numLayers, RopeByLayerType rope) {
    return rope.layers(LayerTypes.qwen(config, numLayers), LayerTypes.qwenWindow(config));
  }
}
