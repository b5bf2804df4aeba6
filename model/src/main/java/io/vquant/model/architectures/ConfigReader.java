package io.vquant.model.architectures;

import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.model.LayerConfig;
import io.vquant.model.ModelConfig;
import io.vquant.model.ModelConfig.Biases;
import io.vquant.model.ModelConfig.ControlTokens;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.RopeReader;
import io.vquant.model.config.StoredWeights;
import io.vquant.model.config.UnreadFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Reads what all families have in common, asks the family for the rest, and judges what is left.
 */
final class ConfigReader {
  /** Sizes over this are taken for a mistake; products of two then fit into 48 bits. */
  private static final int MAX_SIZE = 1 << 24;

  private static final int MAX_VOCAB = 1 << 28;

  private ConfigReader() {}

  static ModelConfig read(ConfigFields config, Architecture family) {
    int hiddenSize = config.requiredInt("hidden_size", 1, MAX_SIZE);
    int numLayers = config.requiredInt("num_hidden_layers", 1, ModelConfig.MAX_LAYERS);
    int numHeads = config.requiredInt("num_attention_heads", 1, MAX_SIZE);
    int numKvHeads = config.optionalInt("num_key_value_heads", 1, MAX_SIZE).orElse(numHeads);
    if (numHeads % numKvHeads != 0) {
      throw config.bad(
          "num_key_value_heads", "a divisor of num_attention_heads (" + numHeads + ")");
    }
    int headDim = headDim(config, family, hiddenSize, numHeads);
    requireSilu(config);
    int maxPositions = config.requiredInt("max_position_embeddings", 1, Integer.MAX_VALUE);
    List<String> notices = new ArrayList<>();
    RopeReader rope = new RopeReader(config, family.defaultRopeTheta(), maxPositions, notices);
    List<LayerConfig> layers =
        family.layers(config, numLayers, new RopeByLayerType(config, rope.read()));
    Biases biases = family.biases(config);
    int vocabSize = config.requiredInt("vocab_size", 1, MAX_VOCAB);
    int intermediateSize = config.requiredInt("intermediate_size", 1, MAX_SIZE);
    double epsilon = epsilon(config);
    boolean tied = config.flag("tie_word_embeddings", family.defaultTieWordEmbeddings());
    ControlTokens tokens = controlTokens(config);
    Optional<String> dtype = config.optionalText("dtype");
    Optional<String> oldDtype = config.optionalText("torch_dtype");
    WeightPolicy storedWeights = StoredWeights.read(config);
    UnreadFields.check(config, notices);
    return new ModelConfig(
        config.file(),
        family.className(),
        vocabSize,
        hiddenSize,
        intermediateSize,
        numLayers,
        numHeads,
        numKvHeads,
        headDim,
        maxPositions,
        epsilon,
        tied,
        biases,
        family.queryKeyNorm(),
        layers,
        tokens,
        dtype.or(() -> oldDtype),
        storedWeights,
        notices,
        config.json());
  }

  private static int headDim(
      ConfigFields config, Architecture family, int hiddenSize, int numHeads) {
    OptionalInt given = config.optionalInt("head_dim", 1, MAX_SIZE);
    OptionalInt stated = given.isPresent() ? given : family.defaultHeadDim();
    if (stated.isEmpty() && hiddenSize % numHeads != 0) {
      throw config.bad("num_attention_heads", "a divisor of hidden_size (" + hiddenSize + ")");
    }
    int headDim = stated.orElse(hiddenSize / numHeads);
    if (headDim < 1 || headDim % 2 != 0) {
      throw config.bad(
          "head_dim", "an even number of channels a head (rotary embedding), not " + headDim);
    }
    if ((long) headDim * numHeads > MAX_SIZE) {
      throw config.bad(
          "num_attention_heads", "at most " + MAX_SIZE / headDim + " heads of " + headDim);
    }
    return headDim;
  }

  private static void requireSilu(ConfigFields config) {
    String activation = config.optionalText("hidden_act").orElse("silu");
    if (!activation.equals("silu") && !activation.equals("swish")) {
      throw config.bad("hidden_act", "silu");
    }
  }

  private static double epsilon(ConfigFields config) {
    double epsilon = config.optionalNumber("rms_norm_eps").orElse(1e-6);
    if (!(epsilon >= 0) || epsilon >= 1) {
      throw config.bad("rms_norm_eps", "a number from 0 to under 1");
    }
    return epsilon;
  }

  private static ControlTokens controlTokens(ConfigFields config) {
    return new ControlTokens(
        config.optionalInt("bos_token_id", Integer.MIN_VALUE, Integer.MAX_VALUE),
        config.tokenIds("eos_token_id"),
        config.optionalInt("pad_token_id", Integer.MIN_VALUE, Integer.MAX_VALUE));
  }
}
