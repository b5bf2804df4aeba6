package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/** Looks rows up in a table. */
@FunctionalInterface
public interface EmbeddingOperator {

  /**
   * Writes one table row for each token id.
   *
   * @param out {@code [numTokens, hiddenSize]} F32
   * @param tokenIds holds at least {@code first + numTokens} ids, each below vocabSize
   * @param first index of the first id used; {@code out.rows()} ids are
   */
  void forward(Tensor out, int[] tokenIds, int first);
}
