package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.CodeBits;

/**
 * One side of one head of a page, in two parts, each 128-byte aligned and zero-padded:
 *
 * <ol>
 *   <li><b>codes</b>, rows of little-endian 32-bit words, code i of a word in its bits {@code b i}
 *       to {@code b i + b - 1}: keys {@code [64 tokens][headDim]}, values {@code [headDim][64
 *       tokens]}, so that both products of attention are rows of codes times a vector;
 *   <li><b>scales</b>, FP16, then <b>zeros</b>, FP16, in the same order: {@code [groups of
 *       channels][64 tokens]} per token, {@code [headDim]} per channel.
 * </ol>
 *
 * @param encoding width and groups
 * @param side keys or values
 * @param headDim channels: a multiple of 16 (then every row of codes is whole words, and every
 *     group whole rounds of the 16 lanes that sums are kept in) from 16 to 256
 */
public record GroupLayout(GroupEncoding encoding, KvSide side, int headDim) {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final int MIN_HEAD_DIM = 16;
  private static final int MAX_HEAD_DIM = 256;

  public GroupLayout {
    if (headDim < MIN_HEAD_DIM || headDim > MAX_HEAD_DIM || headDim % MIN_HEAD_DIM != 0) {
      throw new IllegalArgumentException(
          "head size "
              + headDim
              + " in "
              + encoding.bits().bits()
              + "-bit KV pages: expected a multiple of 16 from 16 to 256");
    }
    if (side == KvSide.VALUES && encoding.axis() == GroupAxis.PER_CHANNEL) {
      throw new IllegalArgumentException("values PER_CHANNEL: expected PER_TOKEN");
    }
  }

  public CodeBits bits() {
    return encoding.bits();
  }

  public boolean isPerToken() {
    return encoding.axis() == GroupAxis.PER_TOKEN;
  }

  /** Elements that share a scale. */
  public int groupSize() {
    if (!isPerToken()) {
      return TOKENS;
    }
    return headDim % encoding.groupSize() == 0 ? encoding.groupSize() : headDim;
  }

  /** Groups in the page, which is also the number of scales, and of zeros. */
  public int groupCount() {
    return TOKENS * headDim / groupSize();
  }

  /** Index of an element's scale, and of its zero. */
  public int group(int token, int channel) {
    return isPerToken() ? channel / groupSize() * TOKENS + token : channel;
  }

  /** Rows of codes: tokens for keys, channels for values. */
  public int rows() {
    return side == KvSide.KEYS ? TOKENS : headDim;
  }

  /** Codes a row: channels for keys, tokens for values. */
  public int columns() {
    return side == KvSide.KEYS ? headDim : TOKENS;
  }

  /** Bytes of a row of codes: whole words. */
  public int rowByteSize() {
    return columns() * bits().bits() / Byte.SIZE;
  }

  /** Byte offset of the word that holds an element's code. */
  public long wordOffset(int token, int channel) {
    long row = side == KvSide.KEYS ? token : channel;
    int column = side == KvSide.KEYS ? channel : token;
    return row * rowByteSize() + (long) column / bits().codesPerWord() * Integer.BYTES;
  }

  /** The lowest bit of an element's code in its word. */
  public int shift(int token, int channel) {
    int column = side == KvSide.KEYS ? channel : token;
    return column % bits().codesPerWord() * bits().bits();
  }

  public long codesByteSize() {
    return (long) rows() * rowByteSize();
  }

  /** Byte offset of the first scale. */
  public long scalesOffset() {
    return KvEncoding.aligned(codesByteSize());
  }

  /** Byte offset of the first zero. */
  public long zerosOffset() {
    return scalesOffset() + (long) groupCount() * Short.BYTES;
  }

  /** Bytes of both parts with their padding. */
  public long byteSize() {
    return scalesOffset() + KvEncoding.aligned(2L * groupCount() * Short.BYTES);
  }
}
