package io.vquant.model.loading;

import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.quant.UnpackedRange;
import io.vquant.weights.StoredTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a model's parameters came to, gathered while they are loaded, by one thread. */
final class WeightTally {
  private final List<StoredTensor> inPlace = new ArrayList<>();
  private final Map<String, QuantizedWeight> quantized = new LinkedHashMap<>();
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

  void addQuantized(String name, QuantizedWeight weight) {
    quantized.put(name, weight);
    quantizedBytes += weight.byteSize();
    quantizedElements += (long) weight.rows() * weight.columns();
    outliers += weight.outliers().count();
  }

  /** Tensors that are read where they lie. */
  List<StoredTensor> inPlace() {
    return inPlace;
  }

  /** Matrices in codes, by their full names. */
  Map<String, QuantizedWeight> quantized() {
    return quantized;
  }

  /** Bytes of the largest part of a matrix in codes that a device unpacks at once. */
  long largestUnpackedRange() {
    return quantized.values().stream()
        .mapToLong(weight -> UnpackedRange.byteSize(weight.rows(), weight.columns()))
        .max()
        .orElse(0);
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
