package io.vquant.model.architectures;

import io.vquant.model.LayerConfig;
import io.vquant.model.ModelConfig.Biases;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.LayerType;
import io.vquant.model.config.LayerTypes;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * SmolLM3 (Hugging Face 2025): Llama where every fourth layer, or those that {@code no_rope_layers}
 * marks with 0, has no rotary embedding (Yang et al. 2025, "RoPE to NoPE and back again").
 */
final class SmolLm3 implements Architecture {

  @Override
  public String className() {
    return "SmolLM3ForCausalLM";
  }

  @Override
  public String modelType() {
    return "smollm3";
  }

  @Override
  public double defaultRopeTheta() {
    return 2_000_000;
  }

  @Override
  public boolean defaultTieWordEmbeddings() {
    return true;
  }

  @Override
  public Biases biases(ConfigFields config) {
    // The published configs carry a 2 here, which transformers never looks at in this family.
    config.optionalInt("pretraining_tp", 1, Integer.MAX_VALUE);
    boolean attention = config.flag("attention_bias", false);
    return new Biases(attention, attention, config.flag("mlp_bias", false));
  }

  @Override
  public List<LayerConfig> layers(ConfigFields config, int numLayers, RopeByLayerType rope) {
    List<Boolean> rotary = rotaryLayers(config, numLayers);
    OptionalInt given = LayerTypes.window(config);
    OptionalInt window = config.flag("use_sliding_window", false) ? given : OptionalInt.empty();
    List<LayerType> types =
        LayerTypes.listedOr(
            config,
            numLayers,
            i -> window.isPresent() && !rotary.get(i) ? LayerType.SLIDING : LayerType.FULL);
    LayerTypes.requireWindow(config, types, window.isPresent());
    List<LayerConfig> layers = new ArrayList<>(numLayers);
    for (int i = 0; i < numLayers; i++) {
      LayerType type = types.get(i);
      layers.add(
          new LayerConfig(
              rotary.get(i) ? rope.of(type) : null, RopeByLayerType.reach(type, window)));
    }
    return layers;
  }

  /** True where a layer rotates: that is the meaning of 1 in {@code no_rope_layers}. */
  private static List<Boolean> rotaryLayers(ConfigFields config, int numLayers) {
    int interval = config.optionalInt("no_rope_layer_interval", 1, Integer.MAX_VALUE).orElse(4);
    List<Boolean> listed = config.optionalFlags("no_rope_layers");
    if (listed != null) {
      if (listed.size() < numLayers) {
        throw config.bad(
            "no_rope_layers", "an entry for each of num_hidden_layers (" + numLayers + ")");
      }
      return listed;
    }
    List<Boolean> rotary = new ArrayList<>(numLayers);
    for (int i = 0; i < numLayers; i++) {
      rotary.add((i + 1) % interval != 0);
    }
    return rotary;
  }
}
