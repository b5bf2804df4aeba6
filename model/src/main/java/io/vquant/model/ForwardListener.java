package io.vquant.model;

import io.vquant.kernels.tensor.Tensor;

/** Watches a forward pass, and may end it. Called on the thread that runs the pass. */
public interface ForwardListener {

  /** Watches nothing. */
  ForwardListener NONE = new ForwardListener() {};

  /**
   * Told after each chunk of each layer.
   *
   * @param doneWork work done, in rows times layers
   * @param totalWork work of the whole pass
   */
  default void progress(long doneWork, long totalWork) {}

  /** Asked before each chunk of each layer; true ends the pass. */
  default boolean cancelled() {
    return false;
  }

  /** Whether {@link #hiddenState} is to be called; the last state costs an extra norm. */
  default boolean wantsHiddenStates() {
    return false;
  }

  /**
   * The residual stream between layers, once for each index.
   *
   * @param index 0: the embedding; i: after layer i; the number of layers: after the final norm
   * @param rows {@code [count, hiddenSize]} F32 in host memory, all rows of the pass; valid during
   *     the call
   */
  default void hiddenState(int index, Tensor rows) {}

  /** Whether {@link #attentionInputs} is to be called. */
  default boolean wantsAttentionInputs() {
    return false;
  }

  /**
   * Told after each chunk of each layer, in the order of the layers and of the positions.
   *
   * @param inputs what the chunk's attention was computed from; valid during the call
   */
  default void attentionInputs(AttentionInputs inputs) {}

  /**
   * Told when all rows of a pass are through a layer, before the layer may pack them.
   *
   * @param index of the layer, from 0
   */
  default void layerComputed(int index) {}
}
