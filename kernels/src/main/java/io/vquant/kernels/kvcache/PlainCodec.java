package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Stores every value, infinities and NaN too; lines make no difference. */
final class PlainCodec implements PageCodec {

  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort BF16 = ValueLayout.JAVA_SHORT_UNALIGNED;

  private final DType dtype;
  private final KvSide side;
  private final int headDim;
  private final long byteSize;

  PlainCodec(PlainEncoding encoding, KvSide side, int headDim) {
    this.dtype = encoding.dtype();
    this.side = side;
    this.headDim = headDim;
    byteSize = encoding.byteSize(side, headDim);
  }

  @Override
  public long byteSize() {
    return byteSize;
  }

  @Override
  public void encode(MemorySegment page, long byteOffset, HeadRows rows, long lines) {
    PageBounds.require(page, byteOffset, byteSize, rows, headDim);
    for (int token = 0; token < PageLayout.TOKENS; token++) {
      for (int channel = 0; channel < headDim; channel++) {
        long at = byteOffset + elementOffset(token, channel);
        float value = rows.get(token, channel);
        if (dtype == DType.F32) {
          page.set(F32, at, value);
        } else {
          page.set(BF16, at, BFloat16.fromFloat(value));
        }
      }
    }
  }

  @Override
  public void decode(HeadRows rows, MemorySegment page, long byteOffset) {
    PageBounds.require(page, byteOffset, byteSize, rows, headDim);
    for (int token = 0; token < PageLayout.TOKENS; token++) {
      for (int channel = 0; channel < headDim; channel++) {
        long at = byteOffset + elementOffset(token, channel);
        rows.set(
            token,
            channel,
            dtype == DType.F32 ? page.get(F32, at) : BFloat16.toFloat(page.get(BF16, at)));
      }
    }
  }

  private long elementOffset(int token, int channel) {
    int index =
        side == KvSide.KEYS ? channel * PageLayout.TOKENS + token : token * headDim + channel;
    return (long) index * dtype.byteSize();
  }
}
