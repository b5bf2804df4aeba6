package io.vquant.model;

import io.vquant.kernels.tensor.Tensor;

/**
 * A forward pass under way: some tokens of one sequence on their way through the layers. A step
 * takes one chunk of rows through one layer. Not safe for two threads at once, nor beside another
 * call of its model.
 */
public interface ForwardPass extends AutoCloseable {

  /** Whether all rows have been through all layers: they are in the cache then. */
  boolean isDone();

  /**
   * Takes the next step.
   *
   * @return rows that it took through a layer
   * @throws IllegalStateException if there is none left
   * @throws RuntimeException whatever a step throws gives the pass up: the cache is as before
   */
  int advance();

  /**
   * The result.
   *
   * @return {@code [count, hiddenSize]} F32, valid until this pass is closed
   * @throws IllegalStateException if the pass is not done
   */
  Tensor hidden();

  /** Gives a pass up that is not done: its cache is then as before. */
  @Override
  void close();
}
