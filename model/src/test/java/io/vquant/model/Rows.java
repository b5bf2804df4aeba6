package io.vquant.model;

import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/** F32 matrices of host memory as Java arrays. */
public final class Rows {
  private Rows() {}

  public static float[] row(Tensor matrix, int row) {
    float[] values = new float[matrix.columns()];
    for (int c = 0; c < values.length; c++) {
      values[c] =
          matrix
              .segment()
              .get(ValueLayout.JAVA_FLOAT_UNALIGNED, matrix.rowByteOffset(row) + 4L * c);
    }
    return values;
  }

  public static float[][] copy(Tensor matrix) {
    float[][] rows = new float[matrix.rows()][];
    for (int r = 0; r < rows.length; r++) {
      rows[r] = row(matrix, r);
    }
    return rows;
  }

  /** The index of the largest element, the first of equal ones. */
  public static int argmax(float[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      if (values[i] > values[best]) {
        best = i;
      }
    }
    return best;
  }
}
