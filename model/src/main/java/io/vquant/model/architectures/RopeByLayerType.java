package io.vquant.model.architectures;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.model.LayerConfig;
import io.vquant.model.RopeParameters;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.LayerType;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Rope parameters for each layer type that a config gives them for.
 *
 * @param config named when a type is missing
 */
record RopeByLayerType(ConfigFields config, Map<LayerType, RopeParameters> byType) {

  RopeParameters of(LayerType type) {
    RopeParameters rope = byType.get(type);
    if (rope == null) {
      throw config.bad("rope_parameters", "an entry for " + type.code());
    }
    return rope;
  }

  /** Layers with rotary embedding, where the sliding ones have the window. */
  List<LayerConfig> layers(List<LayerType> types, OptionalInt window) {
    return types.stream().map(type -> new LayerConfig(of(type), reach(type, window))).toList();
  }

  static int reach(LayerType type, OptionalInt window) {
    return type == LayerType.SLIDING ? window.orElseThrow() : AttentionSpec.NO_WINDOW;
  }
}
