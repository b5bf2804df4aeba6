package io.vquant.kernels.kvcache;

/**
 * How the 64 keys or values of one head lie in a page. The scalar codec is the specification.
 *
 * <p>To add one: a record and its codec here, one line in {@link KvFormats}.
 */
public sealed interface KvEncoding permits PlainEncoding, GroupEncoding {

  /** Bytes at whose multiples every part of a page starts. */
  int ALIGNMENT = 128;

  /** Short and unique among encodings: {@code bf16}, {@code 4}, {@code 4g128}, {@code 2c}. */
  String name();

  /**
   * Bytes of one side of one head of a page, padding included.
   *
   * @throws IllegalArgumentException if the encoding does not store heads of this size, or this
   *     side
   */
  long byteSize(KvSide side, int headDim);

  /**
   * The scalar codec.
   *
   * @throws IllegalArgumentException as {@link #byteSize} does
   */
  PageCodec codec(KvSide side, int headDim);

  /** The next multiple of {@link #ALIGNMENT}. */
  static long aligned(long byteSize) {
    return Math.ceilDiv(byteSize, ALIGNMENT) * (long) ALIGNMENT;
  }
}
