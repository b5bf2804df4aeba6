package io.vquant.model.architectures;

import io.vquant.model.LayerConfig;
import io.vquant.model.ModelConfig.Biases;
import io.vquant.model.config.ConfigFields;
import java.util.List;
import java.util.OptionalInt;

/** A family of decoder-only models: how it differs from the others. */
interface Architecture {

  /** The class in Hugging Face's library, as {@code architectures} names it. */
  String className();

  /** The value of {@code model_type}. */
  String modelType();

  /** Rope base where a config gives none. */
  default double defaultRopeTheta() {
    return 10_000;
  }

  /** Whether input and output embedding are one where a config does not say. */
  default boolean defaultTieWordEmbeddings() {
    return false;
  }

  /** Head size where a config gives none; empty for hidden size by heads. */
  default OptionalInt defaultHeadDim() {
    return OptionalInt.empty();
  }

  /** Which projections have biases. */
  Biases biases(ConfigFields config);

  /** Whether each head of queries and keys is normed. */
  default boolean queryKeyNorm() {
    return false;
  }

  /**
   * Rotary embedding and window of each layer.
   *
   * @param rope the rope parameters of each layer type
   */
  List<LayerConfig> layers(ConfigFields config, int numLayers, RopeByLayerType rope);
}
