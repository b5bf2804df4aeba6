package io.vquant.model.architectures;

import io.vquant.model.LayerConfig;
import io.vquant.model.ModelConfig.Biases;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.LayerType;
import io.vquant.model.config.LayerTypes;
import java.util.List;
import java.util.OptionalInt;

/**
 * Mistral 7B and its successors (Jiang et al. 2023): Llama without biases, with one sliding window
 * for all layers unless {@code sliding_window} is null.
 */
final class Mistral implements Architecture {
  /** What transformers assumes where the field is absent (null is: no window). */
  private static final int DEFAULT_WINDOW = 4096;

  @Override
  public String className() {
    return "MistralForCausalLM";
  }

  @Override
  public String modelType() {
    return "mistral";
  }

  @Override
  public Biases biases(ConfigFields config) {
    return Biases.NONE;
  }

  @Override
  public List<LayerConfig> layers(ConfigFields config, int numLayers, RopeByLayerType rope) {
    OptionalInt given = LayerTypes.window(config);
    OptionalInt window =
        config.isPresent("sliding_window") ? given : OptionalInt.of(DEFAULT_WINDOW);
    LayerType type = window.isPresent() ? LayerType.SLIDING : LayerType.FULL;
    return rope.layers(LayerTypes.uniform(config, numLayers, type), window);
  }
}
