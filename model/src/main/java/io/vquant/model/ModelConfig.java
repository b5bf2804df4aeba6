package io.vquant.model;

import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.WeightPolicy;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * A model's shape and arithmetic, read from {@code config.json}: Hugging Face's names in camel
 * case, with everything derived that transformers derives.
 *
 * @param file the file it was read from
 * @param architecture Hugging Face class name, such as {@code LlamaForCausalLM}
 * @param vocabSize rows of the embedding
 * @param hiddenSize features of the residual stream
 * @param intermediateSize features inside the MLP
 * @param numHiddenLayers decoder layers; at most {@link #MAX_LAYERS}
 * @param numAttentionHeads query heads; a multiple of {@code numKeyValueHeads}
 * @param numKeyValueHeads heads of keys and values
 * @param headDim channels a head, even; not always {@code hiddenSize / numAttentionHeads}
 * @param maxPositionEmbeddings longest context in tokens that the model is made for; a claim of the
 *     file, never to be allocated from
 * @param rmsNormEps epsilon of every norm
 * @param tieWordEmbeddings whether the output layer is the embedding
 * @param biases which projections have a bias
 * @param queryKeyNorm whether queries and keys are normed head by head (Qwen3)
 * @param layers one entry a layer
 * @param tokens ids of control tokens
 * @param dtype the type that the weights were saved in, as the file says; the tensors decide
 * @param storedWeights how the matrices lie in the files: in codes where {@code
 *     quantization_config} says that this engine wrote them
 * @param notices fields that were accepted without being understood, one line each
 * @param raw the whole JSON object; not to be modified
 */
public record ModelConfig(
    Path file,
    String architecture,
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int numHiddenLayers,
    int numAttentionHeads,
    int numKeyValueHeads,
    int headDim,
    int maxPositionEmbeddings,
    double rmsNormEps,
    boolean tieWordEmbeddings,
    Biases biases,
    boolean queryKeyNorm,
    List<LayerConfig> layers,
    ControlTokens tokens,
    Optional<String> dtype,
    WeightPolicy storedWeights,
    List<String> notices,
    JsonNode raw) {

  /** More layers than this are taken for a mistake; the deepest models have about 130. */
  public static final int MAX_LAYERS = 4096;

  public ModelConfig {
    layers = List.copyOf(layers);
    notices = List.copyOf(notices);
    if (layers.size() != numHiddenLayers) {
      throw new IllegalArgumentException(layers.size() + " layers of " + numHiddenLayers);
    }
  }

  /**
   * Which linear layers have a bias.
   *
   * @param queryKeyValue {@code q_proj}, {@code k_proj}, {@code v_proj}
   * @param attentionOutput {@code o_proj}
   * @param mlp {@code gate_proj}, {@code up_proj}, {@code down_proj}
   */
  public record Biases(boolean queryKeyValue, boolean attentionOutput, boolean mlp) {
    public static final Biases NONE = new Biases(false, false, false);
  }

  /**
   * Ids of control tokens as this file gives them; {@code generation_config.json} may know better.
   *
   * @param eos any of them ends a text; may be empty
   */
  public record ControlTokens(OptionalInt bos, List<Integer> eos, OptionalInt pad) {
    public ControlTokens {
      eos = List.copyOf(eos);
    }
  }

  /** Columns of queries: all heads side by side. */
  public int queryColumns() {
    return numAttentionHeads * headDim;
  }

  /** Columns of keys, and of values. */
  public int keyValueColumns() {
    return numKeyValueHeads * headDim;
  }

  /**
   * The shape of one sequence's cache under a policy.
   *
   * @throws IllegalArgumentException if the policy does not fit this model: layer and reason
   */
  public KvCacheSpec cacheSpec(int maxTokens, KvPolicy policy) {
    List<Integer> windows = layers.stream().map(LayerConfig::slidingWindow).toList();
    return new KvCacheSpec(numKeyValueHeads, headDim, maxTokens, policy.resolve(headDim, windows));
  }
}
