package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.DType;
import java.util.Locale;

/**
 * Elements as they are, in {@link PageLayout}'s order: keys {@code [headDim, 64]}, values {@code
 * [64, headDim]}.
 *
 * @param dtype {@code F32}, exact, or {@code BF16}, rounded to nearest even
 */
public record PlainEncoding(DType dtype) implements KvEncoding {

  public PlainEncoding {
    if (dtype == DType.F16) {
      throw new IllegalArgumentException("plain encoding F16: expected F32 or BF16");
    }
  }

  @Override
  public String name() {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public long byteSize(KvSide side, int headDim) {
    if (headDim < 1) {
      throw new IllegalArgumentException("head size " + headDim + ": expected at least 1");
    }
    return (long) PageLayout.TOKENS * headDim * dtype.byteSize();
  }

  @Override
  public PageCodec codec(KvSide side, int headDim) {
    return new PlainCodec(this, side, headDim);
  }
}
