package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.Tensor;

/** One layer of a sequence's cache: what attention reads. */
public interface KvLayer {

  /**
   * Writes keys and values of the positions {@code startPosition ... startPosition + rows - 1},
   * which become the last ones.
   *
   * @param keys {@code [rows, numKvHeads * headDim]} F32, rotary embedding applied
   * @param values the same shape
   * @param startPosition at most the number of tokens already in this layer: positions have no gaps
   */
  void append(Tensor keys, Tensor values, int startPosition);

  /** Tokens in this layer. */
  int length();
}
