package io.vquant.model.config;

import io.vquant.kernels.quant.WeightPolicy;
import java.util.ArrayList;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The {@code quantization_config} of folders that this engine wrote: {@code {"quant_method":
 * "vquant", "version": 1, "weights": "q4,group=32,outliers=off"}}. That of others is left unread,
 * and so refused.
 */
public final class StoredWeights {
  /** The field of {@code config.json}. */
  public static final String FIELD = "quantization_config";

  /** The value of {@code quant_method}. */
  public static final String METHOD = "vquant";

  /** The layout that this engine reads and writes. */
  public static final int VERSION = 1;

  private StoredWeights() {}

  /**
   * Reads it; as stored where there is none of ours.
   *
   * @throws io.vquant.model.MalformedConfigException if it is ours and damaged, or of another
   *     version
   */
  public static WeightPolicy read(ConfigFields config) {
    JsonNode found = config.json().get(FIELD);
    if (!(found instanceof ObjectNode object)
        || !object.path("quant_method").asString("").equals(METHOD)) {
      return WeightPolicy.STORED;
    }
    ConfigFields fields = config.optionalObject(FIELD).orElseThrow();
    fields.optionalText("quant_method");
    int version = fields.requiredInt("version", 0, Integer.MAX_VALUE);
    if (version != VERSION) {
      throw fields.bad("version", VERSION + ", the layout that this engine reads");
    }
    Optional<String> weights = fields.optionalText("weights");
    UnreadFields.check(fields, new ArrayList<>());
    try {
      return WeightPolicy.parse(weights.orElse(""));
    } catch (IllegalArgumentException e) {
      throw fields.bad("weights", "q8 or q4 with settings (" + e.getMessage() + ")");
    }
  }
}
