package io.vquant.kernels.backend;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/** The check that stands before every {@link PrefillAttentionOperator}. */
public final class PrefillOperands {

  private PrefillOperands() {}

  /**
   * Refuses operands that do not fit together.
   *
   * @throws IllegalArgumentException naming the operand and what was expected of it
   */
  public static void require(
      AttentionSpec spec, Tensor out, Tensor q, Tensor k, Tensor v, int[][] lines) {
    int queryColumns = spec.numQueryHeads() * spec.headDim();
    int keyColumns = spec.numKvHeads() * spec.headDim();
    if (q.rows() > k.rows()) {
      throw new IllegalArgumentException(
          "q has " + q.rows() + " rows: expected at most " + k.rows() + ", the tokens of k");
    }
    require("q", q, q.rows(), queryColumns);
    require("out", out, q.rows(), queryColumns);
    require("k", k, k.rows(), keyColumns);
    require("v", v, k.rows(), keyColumns);
    if (lines.length != spec.numKvHeads()) {
      throw new IllegalArgumentException(
          "lines of " + lines.length + " KV heads: expected " + spec.numKvHeads());
    }
    for (int[] positions : lines) {
      for (int i = 0; i < positions.length; i++) {
        int after = i == 0 ? -1 : positions[i - 1];
        if (positions[i] <= after || positions[i] >= k.rows()) {
          throw new IllegalArgumentException(
              "line " + positions[i] + ": expected rising positions below " + k.rows());
        }
      }
    }
  }

  private static void require(String name, Tensor tensor, int rows, int columns) {
    if (tensor.dtype() != DType.F32 || tensor.rows() != rows || tensor.columns() != columns) {
      throw new IllegalArgumentException(
          "%s is %s [%d, %d]: expected F32 [%d, %d]"
              .formatted(name, tensor.dtype(), tensor.rows(), tensor.columns(), rows, columns));
    }
  }
}
