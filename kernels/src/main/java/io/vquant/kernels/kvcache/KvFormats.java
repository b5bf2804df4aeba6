package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.tensor.DType;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The formats that have a name: {@code k4v2} holds keys in 4 bits and values in 2, groups of 64
 * channels; {@code k4v2g128} has groups of 128. Keys of 2 bits are grouped over the tokens of a
 * page, channel by channel, in both.
 */
public final class KvFormats {

  public static final List<KvFormat> ALL =
      List.of(
          plain(DType.BF16),
          plain(DType.F32),
          grouped(8, 8, 64),
          grouped(8, 4, 64),
          grouped(8, 2, 64),
          grouped(4, 8, 64),
          grouped(4, 4, 64),
          grouped(4, 2, 64),
          grouped(2, 8, 64),
          grouped(2, 4, 64),
          grouped(2, 2, 64),
          grouped(8, 8, 128),
          grouped(8, 4, 128),
          grouped(8, 2, 128),
          grouped(4, 8, 128),
          grouped(4, 4, 128),
          grouped(4, 2, 128),
          grouped(2, 8, 128),
          grouped(2, 4, 128),
          grouped(2, 2, 128));

  private KvFormats() {}

  /** Elements as they are, {@code F32} or {@code BF16}. */
  public static KvFormat plain(DType dtype) {
    PlainEncoding encoding = new PlainEncoding(dtype);
    return new KvFormat(encoding.name(), encoding, encoding);
  }

  private static KvFormat grouped(int keyBits, int valueBits, int groupSize) {
    String suffix = groupSize == 64 ? "" : "g" + groupSize;
    return new KvFormat(
        "k" + keyBits + "v" + valueBits + suffix,
        keyBits == 2
            ? new GroupEncoding(CodeBits.TWO, GroupAxis.PER_CHANNEL, 64)
            : new GroupEncoding(CodeBits.of(keyBits), GroupAxis.PER_TOKEN, groupSize),
        new GroupEncoding(CodeBits.of(valueBits), GroupAxis.PER_TOKEN, groupSize));
  }

  /**
   * The format of this name.
   *
   * @throws IllegalArgumentException if there is none; the message lists what there is
   */
  public static KvFormat parse(String name) {
    for (KvFormat format : ALL) {
      if (format.name().equals(name)) {
        return format;
      }
    }
    String names = ALL.stream().map(KvFormat::name).collect(Collectors.joining(", "));
    throw new IllegalArgumentException(
        "unknown KV format '" + name + "': expected one of " + names);
  }
}
