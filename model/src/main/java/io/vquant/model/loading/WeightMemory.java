package io.vquant.model.loading;

/**
 * What a model's weights take.
 *
 * @param byteSize all of them, everything counted
 * @param elements numbers that were learned
 * @param quantizedByteSize of the matrices in codes: codes, scales, zeros and outliers
 * @param quantizedElements their elements
 * @param outliers weights kept exact beside the codes
 */
public record WeightMemory(
    long byteSize, long elements, long quantizedByteSize, long quantizedElements, long outliers) {

  /** Bits of a weight, all weights and everything counted. */
  public double bitsPerWeight() {
    return elements == 0 ? 0 : 8.0 * byteSize / elements;
  }
}
