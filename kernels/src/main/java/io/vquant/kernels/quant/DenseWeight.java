package io.vquant.kernels.quant;

import io.vquant.kernels.tensor.Tensor;

/** A weight in the type it is stored in. */
public record DenseWeight(Tensor tensor) implements LinearWeight {

  @Override
  public int rows() {
    return tensor.rows();
  }

  @Override
  public int columns() {
    return tensor.columns();
  }

  @Override
  public long byteSize() {
    return (long) rows() * columns() * tensor.dtype().byteSize();
  }
}
