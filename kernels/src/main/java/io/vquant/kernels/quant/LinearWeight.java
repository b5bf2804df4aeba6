package io.vquant.kernels.quant;

/** The matrix {@code [outFeatures, inFeatures]} of a linear layer or an embedding. */
public sealed interface LinearWeight permits DenseWeight, QuantizedWeight {

  int rows();

  int columns();

  /** Bytes that it takes, everything counted. */
  long byteSize();
}
