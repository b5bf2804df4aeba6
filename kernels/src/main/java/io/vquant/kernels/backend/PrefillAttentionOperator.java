package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/**
 * Causal attention of the last rows of a sequence over all its keys and values, in the arithmetic
 * of an {@link io.vquant.kernels.attention.AttentionPrecision}. Keys and values come as plain
 * matrices, without a cache: for measuring, and as the specification of operators that read one.
 */
@FunctionalInterface
public interface PrefillAttentionOperator {

  /**
   * Attends from each row to the positions up to its own.
   *
   * @param out {@code [rows, numQueryHeads * headDim]} F32
   * @param q the same shape, rotary embedding applied; the last {@code rows} positions
   * @param k {@code [tokens, numKvHeads * headDim]} F32
   * @param v the same shape
   * @param lines for each KV head, the positions whose keys and values are used in full precision
   */
  void forward(Tensor out, Tensor q, Tensor k, Tensor v, int[][] lines);
}
