package io.vquant.model.architectures;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.Tensor;

/**
 * The rows between layers {@code [count, columns]}: prefill goes layer by layer, so all rows of a
 * prompt are kept. Grows at least twofold, since a backend frees memory only when it closes: all
 * that was ever taken is then below twice the present size.
 */
final class ResidualStream {
  private final KernelBackend backend;
  private final int columns;
  private Tensor all;
  private Tensor one;

  ResidualStream(KernelBackend backend, int initialRows, int columns) {
    this.backend = backend;
    this.columns = columns;
    all = backend.matrix(initialRows, columns);
    one = all.rows(0, 1);
  }

  /** The first rows; what was in them may be lost when the count grows. */
  Tensor rows(int count) {
    if (count > all.rows()) {
      long doubled = Math.min(2L * all.rows(), Integer.MAX_VALUE);
      all = backend.matrix((int) Math.max(count, doubled), columns);
      one = all.rows(0, 1);
    }
    return count == 1 ? one : all.rows(0, count);
  }
}
