package io.vquant.kernels.reference;

import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.quant.DenseWeight;
import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.tensor.Tensor;

/** Copies table rows, widened exactly, or dequantized. */
final class ReferenceEmbedding implements EmbeddingOperator {

  private final LinearWeight table;
  private final float[] tableRow;

  ReferenceEmbedding(LinearWeight table) {
    this.table = table;
    tableRow = new float[table.columns()];
  }

  @Override
  public void forward(Tensor out, int[] tokenIds, int first) {
    Elements.requireF32("embedding out", out, out.rows(), table.columns());
    if (first < 0 || out.rows() > tokenIds.length - first) {
      throw new IllegalArgumentException(
          "embedding of token ids %d + %d: there are %d"
              .formatted(first, out.rows(), tokenIds.length));
    }
    // All ids are checked before anything is written.
    for (int row = 0; row < out.rows(); row++) {
      int id = tokenIds[first + row];
      if (id < 0 || id >= table.rows()) {
        throw new IllegalArgumentException(
            "token id %d at index %d: expected 0 to %d"
                .formatted(id, first + row, table.rows() - 1));
      }
    }
    for (int row = 0; row < out.rows(); row++) {
      readRow(tokenIds[first + row]);
      for (int i = 0; i < table.columns(); i++) {
        Elements.set(out, row, i, tableRow[i]);
      }
    }
  }

  private void readRow(int id) {
    switch (table) {
      case QuantizedWeight quantized -> quantized.dequantizeRow(tableRow, 0, id);
      case DenseWeight dense -> {
        for (int i = 0; i < tableRow.length; i++) {
          tableRow[i] = Elements.get(dense.tensor(), id, i);
        }
      }
    }
  }
}
