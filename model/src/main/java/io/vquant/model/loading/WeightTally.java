package io.vquant.model.loading;

import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.weights.StoredTensor;
import java.util.ArrayList;
import java.util.List;

/** What a model's parameters came to, gathered while they are loaded, by one thread. */
final class WeightTally {
  private final List<StoredTensor> inPlace = new ArrayList<>();
  private long denseBytes;
  private long quantizedBytes;
  private long denseElements;
  private long quantizedElements;
  private long outliers;

  /** A tensor that stays as it is stored. */
  void addDense(StoredTensor stored) {
    inPlace.add(stored);
    denseBytes += stored.byteSize();
    denseElements += stored.elementCount();
  }

  void addQuantized(QuantizedWeight weight) {
    quantizedBytes += weight.byteSize();
    quantizedElements += (long) weight.rows() * weight.columns();
    outliers += weight.outliers().count();
  }

  /** Tensors that are read where they lie. */
  List<StoredTensor> inPlace() {
    return inPlace;
  }

  WeightMemory memory() {
    return new WeightMemory(
        denseBytes + quantizedBytes,
        denseElements + quantizedElements,
        quantizedBytes,
        quantizedElements,
        outliers);
  }
}
