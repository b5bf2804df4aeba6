package io.vquant.kernels.backend;

import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.tensor.Tensor;

/**
 * Causal attention over a cache. Prefill or decode is a property of the rows, not of the operator.
 */
@FunctionalInterface
public interface AttentionOperator {

  /**
   * Attends from each row to all cached positions that it may see.
   *
   * @param out {@code [rows, numQueryHeads * headDim]} F32, not overlapping {@code q}
   * @param q the same shape, rotary embedding applied
   * @param kv holds at least the positions up to {@code startPosition + rows - 1}
   * @param startPosition position of row 0; the others follow
   */
  void forward(Tensor out, Tensor q, KvLayer kv, int startPosition);

  /**
   * Attends from one row of each of several sequences, each over its own cache, as {@link #forward}
   * would one after the other.
   *
   * @param out {@code [sequences, numQueryHeads * headDim]} F32, not overlapping {@code q}
   * @param q the same shape, rotary embedding applied
   * @param layers of each sequence, no two the same
   * @param positions of each sequence's row
   */
  default void decode(Tensor out, Tensor q, KvLayer[] layers, int[] positions) {
    for (int row = 0; row < q.rows(); row++) {
      forward(out.rows(row, 1), q.rows(row, 1), layers[row], positions[row]);
    }
  }
}
