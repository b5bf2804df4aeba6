package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/**
 * Encodes and decodes one side of one head of a page. What {@link KvEncoding#codec} gives is the
 * specification; a device's own codec equals it bit for bit. Not safe for use by two threads at
 * once.
 */
public interface PageCodec {

  /** Bytes of the encoded side: a multiple of {@link KvEncoding#ALIGNMENT}. */
  long byteSize();

  /**
   * Encodes all 64 tokens, lines included.
   *
   * @param page native memory, {@link #byteSize} bytes from {@code byteOffset} on are overwritten,
   *     padding with zeros
   * @param lines bit j tells that token j is a line: where a group runs over tokens, lines are left
   *     out of its range and their codes clip
   * @throws IllegalArgumentException if a value cannot be stored (the message names token and
   *     channel) or the sizes do not fit; the page is then untouched
   */
  void encode(MemorySegment page, long byteOffset, HeadRows rows, long lines);

  /** Writes the 64 rows that an encoded side stands for. */
  void decode(HeadRows rows, MemorySegment page, long byteOffset);
}
