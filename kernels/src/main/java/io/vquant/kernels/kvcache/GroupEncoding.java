package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.CodeBits;

/**
 * Codes of 8, 4 or 2 bits with an FP16 scale and zero a group ({@link
 * io.vquant.kernels.quant.GroupQuantizer}), laid out by {@link GroupLayout}.
 *
 * @param bits width of a code
 * @param axis what shares a scale; only keys may be {@code PER_CHANNEL}
 * @param groupSize channels a group, 64 or 128, where that divides the head; else the whole head is
 *     one group. Without meaning when groups run over tokens: then it must be 64
 */
public record GroupEncoding(CodeBits bits, GroupAxis axis, int groupSize) implements KvEncoding {

  public GroupEncoding {
    boolean known = groupSize == 64 || (groupSize == 128 && axis == GroupAxis.PER_TOKEN);
    if (!known) {
      throw new IllegalArgumentException(
          "group size " + groupSize + " " + axis + ": expected 64, or 128 per token");
    }
  }

  /** Whether groups run over the tokens of a page, channel by channel. */
  public boolean isPerChannel() {
    return axis == GroupAxis.PER_CHANNEL;
  }

  @Override
  public String name() {
    String suffix = axis == GroupAxis.PER_CHANNEL ? "c" : groupSize == 64 ? "" : "g" + groupSize;
    return bits.bits() + suffix;
  }

  /**
   * Where the parts lie.
   *
   * @throws IllegalArgumentException if {@code headDim} is not a multiple of 16 from 16 to 256, or
   *     values are to be stored {@code PER_CHANNEL}
   */
  public GroupLayout layout(KvSide side, int headDim) {
    return new GroupLayout(this, side, headDim);
  }

  @Override
  public long byteSize(KvSide side, int headDim) {
    return layout(side, headDim).byteSize();
  }

  @Override
  public PageCodec codec(KvSide side, int headDim) {
    return new GroupCodec(layout(side, headDim));
  }
}
