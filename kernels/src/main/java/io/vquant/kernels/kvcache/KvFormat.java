package io.vquant.kernels.kvcache;

/**
 * How keys and values of a layer are stored. {@link KvFormats} lists those with a name; each layer
 * may have its own.
 *
 * @param name as users write it
 * @param keys encoding of keys
 * @param values encoding of values
 */
public record KvFormat(String name, KvEncoding keys, KvEncoding values) {

  /** Bytes of one head of a page: keys, then values. */
  public long headByteSize(int headDim) {
    return keys.byteSize(KvSide.KEYS, headDim) + values.byteSize(KvSide.VALUES, headDim);
  }

  /** Whether keys and values are stored as they are. */
  public boolean isPlain() {
    return keys instanceof PlainEncoding;
  }

  /** Bits an element, with scales, zeros and padding; not the line masks, slab and ring. */
  public double bitsPerElement(int headDim) {
    return (double) headByteSize(headDim) * Byte.SIZE / (2.0 * PageLayout.TOKENS * headDim);
  }

  @Override
  public String toString() {
    return name;
  }
}
