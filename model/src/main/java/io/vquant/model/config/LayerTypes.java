package io.vquant.model.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntFunction;

/** Reads {@code layer_types} and the fields that stand for it in older files. */
public final class LayerTypes {
  private static final String FIELD = "layer_types";

  private LayerTypes() {}

  /**
   * The type of each layer: as listed, or by the rule where there is no list.
   *
   * @throws io.vquant.model.MalformedConfigException if the list has another length than the model,
   *     or an unknown type
   */
  public static List<LayerType> listedOr(
      ConfigFields config, int numLayers, IntFunction<LayerType> rule) {
    List<LayerType> types = new ArrayList<>(numLayers);
    List<String> listed = config.optionalTexts(FIELD);
    if (listed == null) {
      for (int i = 0; i < numLayers; i++) {
        types.add(rule.apply(i));
      }
      return types;
    }
    if (listed.size() != numLayers) {
      throw config.bad(FIELD, "one entry for each of num_hidden_layers (" + numLayers + ")");
    }
    for (String name : listed) {
      types.add(
          LayerType.of(name)
              .orElseThrow(() -> config.bad(FIELD, name, "full_attention or sliding_attention")));
    }
    return types;
  }

  /** All layers of one type; a list, where there is one, must say the same. */
  public static List<LayerType> uniform(ConfigFields config, int numLayers, LayerType type) {
    List<LayerType> types = listedOr(config, numLayers, i -> type);
    if (Collections.frequency(types, type) != numLayers) {
      throw config.bad(FIELD, "only " + type.code() + " in a model of this family");
    }
    return types;
  }

  /**
   * Qwen's rule: with {@code use_sliding_window}, layers from {@code max_window_layers} on have a
   * window (4096 and 28 where absent, as in transformers).
   */
  public static List<LayerType> qwen(ConfigFields config, int numLayers) {
    int firstWindowed = config.optionalInt("max_window_layers", 0, Integer.MAX_VALUE).orElse(28);
    boolean windows = qwenWindow(config).isPresent();
    List<LayerType> types =
        listedOr(
            config,
            numLayers,
            i -> windows && i >= firstWindowed ? LayerType.SLIDING : LayerType.FULL);
    requireWindow(config, types, windows);
    return types;
  }

  /** Qwen's window, empty where it is switched off. */
  public static OptionalInt qwenWindow(ConfigFields config) {
    OptionalInt given = window(config);
    if (!config.flag("use_sliding_window", false)) {
      return OptionalInt.empty();
    }
    return config.isPresent("sliding_window") ? given : OptionalInt.of(4096);
  }

  /** The field {@code sliding_window}, empty where absent or null. */
  public static OptionalInt window(ConfigFields config) {
    return config.optionalInt("sliding_window", 1, Integer.MAX_VALUE);
  }

  /** Refuses sliding layers in a model without a window. */
  public static void requireWindow(ConfigFields config, List<LayerType> types, boolean hasWindow) {
    if (!hasWindow && types.contains(LayerType.SLIDING)) {
      throw config.bad(
          FIELD, "no sliding_attention unless use_sliding_window and sliding_window say so");
    }
  }
}
