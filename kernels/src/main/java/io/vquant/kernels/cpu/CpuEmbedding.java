package io.vquant.kernels.cpu;

import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.quant.DenseWeight;
import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.tensor.Tensor;

/** Copies table rows, widened to F32 or dequantized. */
final class CpuEmbedding implements EmbeddingOperator {

  private final LinearWeight table;
  private final float[] tableRow;

  CpuEmbedding(LinearWeight table) {
    this.table = table;
    tableRow = new float[table.columns()];
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
    switch (table) {
      case QuantizedWeight quantized -> quantized.dequantizeRow(tableRow, 0, id);
      case DenseWeight dense -> {
        for (int c = 0; c < tableRow.length; c++) {
          tableRow[c] = Operands.element(dense.tensor(), id, c);
        }
      }
    }
    for (int c = 0; c < tableRow.length; c++) {
      Simd.set(to + 4L * c, tableRow[c]);
    }
  }
}
