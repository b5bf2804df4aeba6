package io.vquant.model.architectures;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Results where anyone can read them: in place on host devices, else copied from the device. */
final class HostRows {
  private final KernelBackend backend;
  private final int columns;
  private @Nullable Tensor buffer;
  private @Nullable Tensor one;

  HostRows(KernelBackend backend, int columns) {
    this.backend = backend;
    this.columns = columns;
  }

  /** The same rows in host memory, valid until the next call. */
  Tensor of(Tensor rows) {
    if (backend.device().isHost()) {
      return rows;
    }
    Tensor target = target(rows.rows());
    backend.copy(target, rows);
    return target;
  }

  private Tensor target(int count) {
    if (count == 1) {
      if (one == null) {
        one = backend.hostMatrix(1, columns);
      }
      return one;
    }
    if (buffer == null || buffer.rows() < count) {
      buffer =
          backend.hostMatrix(buffer == null ? count : Math.max(count, 2 * buffer.rows()), columns);
    }
    return buffer.rows(0, count);
  }
}
