package io.vquant.kernels.kvcache;

/**
 * One page: 64 tokens of one layer, all KV heads, head after head, each {@code [keys][values]}. For
 * plain formats this is {@link PageLayout}.
 *
 * @param format encodings of keys and values
 * @param numKvHeads KV heads
 * @param headDim channels a head
 */
public record KvPageLayout(KvFormat format, int numKvHeads, int headDim) {

  public KvPageLayout {
    if (numKvHeads < 1) {
      throw new IllegalArgumentException("KV heads " + numKvHeads + ": expected at least 1");
    }
    // Refuses head sizes that an encoding does not store.
    format.headByteSize(headDim);
  }

  /** Bytes of the page; the line masks are kept elsewhere, 8 bytes a page and head. */
  public long byteSize() {
    return numKvHeads * format.headByteSize(headDim);
  }

  /** Byte offset of a head's keys. */
  public long keysOffset(int kvHead) {
    return kvHead * format.headByteSize(headDim);
  }

  /** Byte offset of a head's values. */
  public long valuesOffset(int kvHead) {
    return keysOffset(kvHead) + format.keys().byteSize(KvSide.KEYS, headDim);
  }
}
