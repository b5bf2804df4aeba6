package io.vquant.kernels.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.quant.CodeBits;
import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GroupLayoutTest {

  @ParameterizedTest
  @CsvSource({
    // name, head size, K codes, K part, V codes, page and head
    "k4v4, 128, 4096, 4608, 4096, 9216",
    "k4v4g128, 128, 4096, 4352, 4096, 8704",
    "k8v8, 128, 8192, 8704, 8192, 17408",
    "k8v4, 64, 4096, 4352, 2048, 6656",
    "k4v2, 64, 2048, 2304, 1024, 3584",
    "k2v2, 128, 2048, 2560, 2048, 5120",
    "k2v2g128, 128, 2048, 2560, 2048, 4864",
    // One group a head where 64 does not divide it; 80 scales and zeros are padded to 384 bytes.
    "k4v4, 80, 2560, 2816, 2560, 5632",
    "k2v2, 80, 1280, 1664, 1280, 3200",
    "k4v4, 96, 3072, 3328, 3072, 6656",
    "k4v4, 256, 8192, 9216, 8192, 18432",
    "k2v2, 16, 256, 384, 256, 896"
  })
  void partsHaveTheseSizes(
      String name, int headDim, long keyCodes, long keys, long valueCodes, long head) {
    KvFormat format = KvFormats.parse(name);
    GroupLayout key = ((GroupEncoding) format.keys()).layout(KvSide.KEYS, headDim);
    GroupLayout value = ((GroupEncoding) format.values()).layout(KvSide.VALUES, headDim);
    assertThat(key.codesByteSize()).isEqualTo(keyCodes);
    assertThat(key.scalesOffset()).isEqualTo(keyCodes);
    assertThat(key.byteSize()).isEqualTo(keys);
    assertThat(value.codesByteSize()).isEqualTo(valueCodes);
    assertThat(value.byteSize()).isEqualTo(head - keys);
    assertThat(format.headByteSize(headDim)).isEqualTo(head);
    KvPageLayout page = new KvPageLayout(format, 3, headDim);
    assertThat(page.byteSize()).isEqualTo(3 * head);
    assertThat(page.keysOffset(2)).isEqualTo(2 * head);
    assertThat(page.valuesOffset(2)).isEqualTo(2 * head + keys);
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 64, 80, 96, 112, 128, 192, 256})
  void everyCodeHasBitsOfItsOwnAndPartsAreAligned(int headDim) {
    for (KvFormat format : KvFormats.ALL) {
      for (KvSide side : KvSide.values()) {
        KvEncoding encoding = side == KvSide.KEYS ? format.keys() : format.values();
        if (encoding instanceof GroupEncoding grouped) {
          requireDistinct(grouped.layout(side, headDim));
        }
        assertThat(encoding.byteSize(side, headDim) % KvEncoding.ALIGNMENT).isZero();
      }
    }
  }

  private static void requireDistinct(GroupLayout layout) {
    BitSet taken = new BitSet();
    BitSet groups = new BitSet();
    for (int token = 0; token < PageLayout.TOKENS; token++) {
      for (int channel = 0; channel < layout.headDim(); channel++) {
        int bit = (int) layout.wordOffset(token, channel) * 8 + layout.shift(token, channel);
        assertThat(taken.get(bit)).as("%s, %d, %d", layout, token, channel).isFalse();
        taken.set(bit);
        groups.set(layout.group(token, channel));
      }
    }
    assertThat(taken.length()).isLessThanOrEqualTo((int) layout.codesByteSize() * 8);
    assertThat(groups.cardinality()).isEqualTo(layout.groupCount());
    assertThat(groups.length()).isEqualTo(layout.groupCount());
    assertThat(layout.scalesOffset() % KvEncoding.ALIGNMENT).isZero();
  }

  @Test
  void neighboursAlongTheSummedIndexShareAWord() {
    GroupEncoding encoding = new GroupEncoding(CodeBits.FOUR, GroupAxis.PER_TOKEN, 64);
    GroupLayout keys = encoding.layout(KvSide.KEYS, 128);
    assertThat(keys.wordOffset(2, 9)).isEqualTo(2 * 64 + 4);
    assertThat(keys.shift(2, 9)).isEqualTo(4);
    assertThat(keys.group(2, 63)).isEqualTo(2);
    assertThat(keys.group(2, 64)).isEqualTo(64 + 2);
    GroupLayout values = encoding.layout(KvSide.VALUES, 128);
    assertThat(values.wordOffset(9, 2)).isEqualTo(2 * 32 + 4);
    assertThat(values.shift(9, 2)).isEqualTo(4);
  }

  @ParameterizedTest
  @ValueSource(ints = {-64, 0, 8, 24, 100, 272, 512, 1 << 30})
  void refusesOtherHeadSizes(int headDim) {
    GroupEncoding encoding = new GroupEncoding(CodeBits.FOUR, GroupAxis.PER_TOKEN, 64);
    assertThatThrownBy(() -> encoding.codec(KvSide.KEYS, headDim))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "head size "
                + headDim
                + " in 4-bit KV pages: expected a multiple of 16 from 16 to 256");
  }

  @Test
  void refusesOtherGroups() {
    assertThatThrownBy(() -> new GroupEncoding(CodeBits.FOUR, GroupAxis.PER_TOKEN, 32))
        .hasMessage("group size 32 PER_TOKEN: expected 64, or 128 per token");
    assertThatThrownBy(() -> new GroupEncoding(CodeBits.TWO, GroupAxis.PER_CHANNEL, 128))
        .hasMessageContaining("128 PER_CHANNEL");
    GroupEncoding channels = new GroupEncoding(CodeBits.TWO, GroupAxis.PER_CHANNEL, 64);
    assertThatThrownBy(() -> channels.layout(KvSide.VALUES, 64))
        .hasMessage("values PER_CHANNEL: expected PER_TOKEN");
  }
}
