package io.vquant.model.layers;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.Tensor;

/** A matrix of activations, seen with as many rows as are in use; no allocation for one row. */
public final class RowBuffer {
  private final Tensor all;
  private final Tensor one;
  private final Tensor allHeads;
  private final Tensor oneHeads;
  private final int headDim;

  /**
   * @param headDim divides {@code columns}; the columns of {@link #heads}
   */
  public RowBuffer(KernelBackend backend, int rows, int columns, int headDim) {
    this.headDim = headDim;
    all = backend.matrix(rows, columns);
    one = all.rows(0, 1);
    allHeads = heads(all);
    oneHeads = heads(one);
  }

  /** A buffer that is never seen by heads. */
  public RowBuffer(KernelBackend backend, int rows, int columns) {
    this(backend, rows, columns, columns);
  }

  /** The first rows: {@code [count, columns]}. */
  public Tensor rows(int count) {
    return count == 1 ? one : count == all.rows() ? all : all.rows(0, count);
  }

  /** The first rows, a row a head: {@code [count * columns / headDim, headDim]}. */
  public Tensor heads(int count) {
    return count == 1 ? oneHeads : count == all.rows() ? allHeads : heads(all.rows(0, count));
  }

  private Tensor heads(Tensor rows) {
    return rows.reshape(rows.rows() * (rows.columns() / headDim), headDim);
  }
}
