package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.DType;

/**
 * One page: 64 tokens of one layer, all KV heads. For each head, keys transposed {@code [headDim,
 * 64]}, then values {@code [64, headDim]}.
 *
 * <p>Both halves of attention then run along memory without horizontal sums: scores of neighbouring
 * tokens lie side by side in a row of keys, channels of the output in a row of values.
 *
 * @param numKvHeads KV heads
 * @param headDim channels a head
 * @param dtype element type
 */
public record PageLayout(int numKvHeads, int headDim, DType dtype) {

  /** Tokens a page. */
  public static final int TOKENS = 64;

  /** Bytes of one head's keys, which are also those of its values. */
  public long headByteSize() {
    return (long) TOKENS * headDim * dtype.byteSize();
  }

  public long byteSize() {
    return 2L * numKvHeads * headByteSize();
  }

  /** Byte offset of a head's keys {@code [headDim, 64]} in the page. */
  public long keysOffset(int kvHead) {
    return 2L * kvHead * headByteSize();
  }

  /** Byte offset of a head's values {@code [64, headDim]} in the page. */
  public long valuesOffset(int kvHead) {
    return keysOffset(kvHead) + headByteSize();
  }
}
