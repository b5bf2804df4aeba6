package io.vquant.model.layers;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ModelConfig;

/** Attention and MLP, each on a normed copy of the residual stream and added back to it. */
public final class DecoderLayer {
  private final RmsNormOperator inputLayerNorm;
  private final SelfAttention selfAttention;
  private final RmsNormOperator postAttentionLayerNorm;
  private final Mlp mlp;
  private final ResidualAddOperator residualAdd;

  /**
   * @param parameters those of this layer
   */
  public DecoderLayer(
      KernelBackend backend,
      ModelConfig config,
      ParameterSource parameters,
      SelfAttention selfAttention,
      Mlp mlp) {
    float epsilon = (float) config.rmsNormEps();
    inputLayerNorm =
        backend.rmsNorm(
            parameters.child("input_layernorm").vector("weight", config.hiddenSize()), epsilon);
    postAttentionLayerNorm =
        backend.rmsNorm(
            parameters.child("post_attention_layernorm").vector("weight", config.hiddenSize()),
            epsilon);
    this.selfAttention = selfAttention;
    this.mlp = mlp;
    residualAdd = backend.residualAdd();
  }

  /**
   * One chunk through the layer, in place.
   *
   * @param x {@code [rows, hiddenSize]}: the residual stream of these rows
   * @param startPosition position of row 0
   */
  public void forward(
      Tensor x, KvLayer cache, KvFormat format, int startPosition, Scratch scratch) {
    Tensor normed = scratch.normed().rows(x.rows());
    Tensor delta = scratch.delta().rows(x.rows());
    inputLayerNorm.forward(normed, x);
    selfAttention.forward(delta, normed, cache, format, startPosition, scratch);
    residualAdd.forward(x, delta);
    postAttentionLayerNorm.forward(normed, x);
    mlp.forward(delta, normed, scratch);
    residualAdd.forward(x, delta);
  }

  /**
   * One token of each of several sequences through the layer, in place.
   *
   * @param x {@code [sequences.size(), hiddenSize]}: the residual stream
   * @param index of this layer
   */
  public void decode(Tensor x, DecodeRows sequences, int index, Scratch scratch) {
    Tensor normed = scratch.normed().rows(x.rows());
    Tensor delta = scratch.delta().rows(x.rows());
    inputLayerNorm.forward(normed, x);
    selfAttention.decode(delta, normed, sequences, index, scratch);
    residualAdd.forward(x, delta);
    postAttentionLayerNorm.forward(normed, x);
    mlp.forward(delta, normed, scratch);
    residualAdd.forward(x, delta);
  }
}
