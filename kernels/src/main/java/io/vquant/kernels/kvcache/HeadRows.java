package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The keys or values of one head for the 64 tokens of a page, F32 {@code [64, headDim]}: what a
 * codec encodes from and decodes to.
 *
 * @param segment native memory
 * @param byteOffset where the row of token 0 starts
 * @param byteStride bytes from one token's row to the next
 * @param headDim channels
 */
public record HeadRows(MemorySegment segment, long byteOffset, long byteStride, int headDim) {

  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

  public HeadRows {
    long rowBytes = (long) Float.BYTES * headDim;
    boolean inside =
        headDim > 0
            && byteOffset >= 0
            && byteStride >= rowBytes
            && byteStride <= segment.byteSize()
            && byteOffset <= segment.byteSize()
            && byteOffset + (PageLayout.TOKENS - 1) * byteStride + rowBytes <= segment.byteSize();
    if (!inside || !segment.isNative()) {
      throw new IllegalArgumentException(
          "head rows at byte "
              + byteOffset
              + ", stride "
              + byteStride
              + ", "
              + headDim
              + " channels in "
              + segment.byteSize()
              + " bytes: expected 64 rows inside native memory");
    }
  }

  /** Absolute address of the row of token 0. */
  public long address() {
    return segment.address() + byteOffset;
  }

  public float get(int token, int channel) {
    return segment.get(F32, at(token, channel));
  }

  public void set(int token, int channel, float value) {
    segment.set(F32, at(token, channel), value);
  }

  private long at(int token, int channel) {
    return byteOffset + token * byteStride + (long) Float.BYTES * channel;
  }
}
