package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Where the largest number of a row is. */
@FunctionalInterface
public interface ArgmaxOperator {
  /** The result for a row that holds NaN or an infinity. */
  int NOT_FINITE = -1;

  /**
   * Waits for what was enqueued, and looks.
   *
   * @param row {@code [1, columns]} F32
   * @return the index of the largest element, the first of equal ones; or {@link #NOT_FINITE}
   */
  int forward(Tensor row);

  /** For rows in host memory. */
  static int ofHostRow(Tensor row) {
    MemorySegment values = row.segment().asSlice(row.rowByteOffset(0));
    int best = 0;
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < row.columns(); i++) {
      float value = values.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      if (!Float.isFinite(value)) {
        return NOT_FINITE;
      }
      if (value > largest) {
        largest = value;
        best = i;
      }
    }
    return best;
  }
}
