package io.vquant.model.architectures;

import io.vquant.model.LayerConfig;
import io.vquant.model.ModelConfig.Biases;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.LayerTypes;
import java.util.List;
import java.util.OptionalInt;

/**
 * Qwen 3 (Yang et al. 2025): each head of queries and keys is normed before the rotary embedding,
 * biases are an option, heads are of 128 channels unless the config says otherwise.
 */
final class Qwen3 implements Architecture {

  @Override
  public String className() {
    return "Qwen3ForCausalLM";
  }

  @Override
  public String modelType() {
    return "qwen3";
  }

  @Override
  public OptionalInt defaultHeadDim() {
    return OptionalInt.of(128);
  }

  @Override
  public Biases biases(ConfigFields config) {
    boolean attention = config.flag("attention_bias", false);
    return new Biases(attention, attention, false);
  }

  @Override
  public boolean queryKeyNorm() {
    return true;
  }

  @Override
  public List<LayerConfig> layers(ConfigFields config, int numLayers, RopeByLayerType rope) {
    return rope.layers(LayerTypes.qwen(config, numLayers), LayerTypes.qwenWindow(config));
  }
}
