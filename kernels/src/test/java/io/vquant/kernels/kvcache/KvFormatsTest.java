package io.vquant.kernels.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.vquant.kernels.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KvFormatsTest {

  @Test
  void everyNameIsUniqueAndParsesToItsFormat() {
    assertThat(KvFormats.ALL).extracting(KvFormat::name).doesNotHaveDuplicates().hasSize(20);
    for (KvFormat format : KvFormats.ALL) {
      assertThat(KvFormats.parse(format.name())).isSameAs(format);
      assertThat(format).hasToString(format.name());
    }
    for (int k : new int[] {8, 4, 2}) {
      for (int v : new int[] {8, 4, 2}) {
        KvFormat format = KvFormats.parse("k" + k + "v" + v);
        assertThat(((GroupEncoding) format.keys()).bits().bits()).isEqualTo(k);
        assertThat(((GroupEncoding) format.values()).bits().bits()).isEqualTo(v);
      }
    }
  }

  @Test
  void encodingsHaveNames() {
    KvFormat format = KvFormats.parse("k2v4g128");
    assertThat(format.keys().name()).isEqualTo("2c");
    assertThat(format.values().name()).isEqualTo("4g128");
    assertThat(KvFormats.parse("k8v8").keys().name()).isEqualTo("8");
    assertThat(KvFormats.parse("f32").keys().name()).isEqualTo("f32");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "k4v3", "K4V4", "k4v4 ", "fp8", "k4"})
  void anUnknownNameIsAnsweredWithTheList(String name) {
    assertThatThrownBy(() -> KvFormats.parse(name))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(
            "unknown KV format '" + name + "': expected one of bf16, f32, k8v8, ")
        .hasMessageEndingWith("k2v2g128")
        .hasMessageNotContaining("\n");
  }

  @ParameterizedTest
  @CsvSource({
    "f32, 128, 32",
    "bf16, 128, 16",
    "k8v4, 128, 6.5",
    "k8v4g128, 128, 6.25",
    "k4v4, 128, 4.5",
    "k4v4g128, 128, 4.25",
    "k4v2, 128, 3.5",
    "k2v2, 128, 2.5",
    "k2v2g128, 128, 2.375",
    "k4v4, 80, 4.4",
    "k2v2, 80, 2.5"
  })
  void bitsPerElementCountEverything(String name, int headDim, double bits) {
    assertThat(KvFormats.parse(name).bitsPerElement(headDim)).isCloseTo(bits, within(1e-12));
  }

  @Test
  void plainFormatsLieAsTheUnencodedPage() {
    for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
      PageLayout plain = new PageLayout(3, 80, dtype);
      KvFormat format = KvFormats.parse(new PlainEncoding(dtype).name());
      KvPageLayout page = new KvPageLayout(format, 3, 80);
      assertThat(page.byteSize()).isEqualTo(plain.byteSize());
      assertThat(page.keysOffset(2)).isEqualTo(plain.keysOffset(2));
      assertThat(page.valuesOffset(2)).isEqualTo(plain.valuesOffset(2));
    }
  }

  @Test
  void aPageRefusesWhatItsEncodingsRefuse() {
    KvFormat format = KvFormats.parse("k4v4");
    assertThatThrownBy(() -> new KvPageLayout(format, 1, 100))
        .hasMessageContaining("head size 100");
    assertThatThrownBy(() -> new KvPageLayout(format, 0, 64)).hasMessageContaining("KV heads 0");
    assertThatThrownBy(() -> new PlainEncoding(DType.F16)).hasMessageContaining("F16");
  }
}
