package io.vquant.model.config;

import io.vquant.model.RopeParameters;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * Rope parameters in all spellings: {@code rope_theta} and {@code rope_scaling} (transformers 4),
 * or {@code rope_parameters}, flat or one object a layer type (transformers 5). Where several are
 * there the order is that of transformers 5: a {@code rope_scaling} that is not empty replaces
 * {@code rope_parameters}, and a {@code rope_theta} inside wins over one outside.
 */
public final class RopeReader {
  private static final String SUPPORTED = "one of default, linear, llama3, yarn";

  /** Known parameters; those of another type are without effect, as in transformers. */
  private static final Set<String> KNOWN =
      Set.of(
          "rope_type",
          "type",
          "rope_theta",
          "factor",
          "original_max_position_embeddings",
          "low_freq_factor",
          "high_freq_factor",
          "attention_factor",
          "beta_fast",
          "beta_slow",
          "mscale",
          "mscale_all_dim",
          "truncate",
          "partial_rotary_factor",
          "finetuned");

  private final ConfigFields config;
  private final double defaultTheta;
  private final int maxPositionEmbeddings;
  private final List<String> notices;

  /**
   * @param defaultTheta what transformers assumes for this family
   * @param notices told of parameters without effect
   */
  public RopeReader(
      ConfigFields config, double defaultTheta, int maxPositionEmbeddings, List<String> notices) {
    this.config = config;
    this.defaultTheta = defaultTheta;
    this.maxPositionEmbeddings = maxPositionEmbeddings;
    this.notices = notices;
  }

  /** The parameters of each layer type; equal for all types unless the file tells them apart. */
  public Map<LayerType, RopeParameters> read() {
    double theta = config.optionalPositive("rope_theta").orElse(defaultTheta);
    requireFullRotary(config);
    ConfigFields old = config.optionalObject("rope_scaling").orElse(null);
    ConfigFields current = config.optionalObject("rope_parameters").orElse(null);
    ConfigFields chosen = old != null && !old.names().isEmpty() ? old : current;
    Map<LayerType, RopeParameters> byType = new HashMap<>();
    if (chosen != null && isNested(chosen)) {
      for (String name : chosen.names()) {
        LayerType type = LayerType.of(name).orElseThrow(() -> chosen.bad(name, "a layer type"));
        ConfigFields inner =
            chosen
                .optionalObject(name)
                .orElseThrow(() -> chosen.bad(name, "an object of rope parameters"));
        byType.put(type, readOne(inner, theta));
      }
    } else {
      RopeParameters same =
          chosen == null ? new RopeParameters.Default(theta) : readOne(chosen, theta);
      for (LayerType type : LayerType.values()) {
        byType.put(type, same);
      }
    }
    return byType;
  }

  private static boolean isNested(ConfigFields rope) {
    return rope.names().stream().anyMatch(name -> LayerType.of(name).isPresent());
  }

  private RopeParameters readOne(ConfigFields rope, double outerTheta) {
    double theta = rope.optionalPositive("rope_theta").orElse(outerTheta);
    requireFullRotary(rope);
    String alias = rope.optionalText("type").orElse("default");
    String type = rope.optionalText("rope_type").orElse(alias);
    RopeParameters parameters =
        switch (type) {
          case "default" -> new RopeParameters.Default(theta);
          case "linear" -> new RopeParameters.Linear(theta, required(rope, "factor"));
          case "llama3" -> llama3(rope, theta);
          case "yarn" -> yarn(rope, theta);
          default -> throw rope.bad(rope.isPresent("rope_type") ? "rope_type" : "type", SUPPORTED);
        };
    for (String name : rope.unread()) {
      if (!KNOWN.contains(name)) {
        throw rope.bad(name, "no such field: rope type " + type + " does not know it");
      }
      notices.add("rope parameter " + name + " has no effect on rope type " + type);
    }
    return parameters;
  }

  private RopeParameters llama3(ConfigFields rope, double theta) {
    double factor = required(rope, "factor");
    double low = required(rope, "low_freq_factor");
    double high = required(rope, "high_freq_factor");
    if (high <= low) {
      throw rope.bad("high_freq_factor", "a number over low_freq_factor (" + low + ")");
    }
    return new RopeParameters.Llama3(theta, factor, low, high, originalContext(rope));
  }

  private RopeParameters yarn(ConfigFields rope, double theta) {
    if (theta <= 1) {
      throw rope.bad("rope_theta", "a number over 1 for yarn");
    }
    int original = originalContext(rope);
    double factor =
        rope.optionalPositive("factor").orElse((double) maxPositionEmbeddings / original);
    double mscale = rope.optionalNumber("mscale").orElse(0);
    double mscaleAllDim = rope.optionalNumber("mscale_all_dim").orElse(0);
    double attentionFactor =
        rope.optionalNumber("attention_factor")
            .orElseGet(
                () -> RopeParameters.Yarn.derivedAttentionFactor(factor, mscale, mscaleAllDim));
    if (!(attentionFactor > 0) || Float.isInfinite((float) attentionFactor)) {
      throw rope.bad(
          rope.isPresent("attention_factor") ? "attention_factor" : "mscale",
          "a positive attention factor, not " + attentionFactor);
    }
    // Of truncate, transformers takes "absent" as true but null as false.
    boolean truncate = !rope.isPresent("truncate") || rope.flag("truncate", false);
    return new RopeParameters.Yarn(
        theta,
        factor,
        original,
        attentionFactor,
        nonZero(rope, "beta_fast", 32),
        nonZero(rope, "beta_slow", 1),
        truncate);
  }

  /** The context before scaling; a field beside the rope parameters wins over one inside. */
  private int originalContext(ConfigFields rope) {
    String name = "original_max_position_embeddings";
    int inside = rope.optionalInt(name, 1, Integer.MAX_VALUE).orElse(maxPositionEmbeddings);
    return config.optionalInt(name, 1, Integer.MAX_VALUE).orElse(inside);
  }

  /** Absent and 0 both mean the default, as in transformers. */
  private static double nonZero(ConfigFields rope, String name, double whenAbsent) {
    double value = rope.optionalNumber(name).orElse(0);
    if (value < 0) {
      throw rope.bad(name, "a number over 0");
    }
    return value == 0 ? whenAbsent : value;
  }

  private static double required(ConfigFields rope, String name) {
    return rope.optionalPositive(name).orElseThrow(() -> rope.bad(name, "a number over 0"));
  }

  private static void requireFullRotary(ConfigFields fields) {
    OptionalDouble part = fields.optionalNumber("partial_rotary_factor");
    if (part.isPresent() && part.getAsDouble() != 1) {
      throw fields.bad("partial_rotary_factor", "1 (rotating a part of a head is not supported)");
    }
  }
}
