package io.vquant.kernels.cpu;

import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.tensor.Tensor;

/** Copies table rows, widened to F32. */
final class CpuEmbedding implements EmbeddingOperator {

  private final Tensor table;

  CpuEmbedding(Tensor table) {
    this.table = table;
  }

  @Override
  public void forward(Tensor out, int[] tokenIds, int first) {
    Operands.require("out", out, out.rows(), table.columns());
    if (first < 0 || first > tokenIds.length - out.rows()) {
      throw new IllegalArgumentException(
          "ids " + first + " to " + ((long) first + out.rows() - 1) + " of " + tokenIds.length);
    }
    for (int row = 0; row < out.rows(); row++) {
      int id = tokenIds[first + row];
      if (id < 0 || id >= table.rows()) {
        throw new IllegalArgumentException(
            "token id " + id + ": expected 0 to " + (table.rows() - 1));
      }
    }
    for (int row = 0; row < out.rows(); row++) {
      copyRow(Operands.address(out) + row * Operands.stride(out), tokenIds[first + row]);
    }
  }

  private void copyRow(long to, int id) {
    for (int c = 0; c < table.columns(); c++) {
      Simd.set(to + 4L * c, Operands.element(table, id, c));
    }
  }
}
