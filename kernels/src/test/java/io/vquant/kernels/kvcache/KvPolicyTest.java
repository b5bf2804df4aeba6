package io.vquant.kernels.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.KvPolicy.LayerRule;
import io.vquant.kernels.tensor.DType;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KvPolicyTest {

  @Test
  void everySettingIsPrinted() {
    assertThat(KvPolicy.parse("k4v4"))
        .hasToString("k4v4,lines=1%,window=128,sinks=4,smooth=on,hadamard=on");
    assertThat(KvPolicy.parse("bf16")).hasToString("bf16");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "k8v4,lines=2.5%,window=0,sinks=0,smooth=off,hadamard=off,score=a",
        "k2v2g128,lines=17,window=256,sinks=8,smooth=on,hadamard=off",
        "f32"
      })
  void textIsReadBack(String text) {
    assertThat(KvPolicy.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "k5v4 | unknown KV format 'k5v4'",
        "k4v4,windows=64 | unknown setting 'windows'",
        "k4v4,window | expected SETTING=VALUE",
        "k4v4,window=100 | multiple of 64",
        "k4v4,window=-64 | multiple of 64",
        "k4v4,lines=60% | 0% to 50%",
        "k4v4,lines=NaN% | 0% to 50%",
        "k4v4,lines=x% | a share such as 1%",
        "k4v4,lines=513 | 0 to 512",
        "k4v4,sinks=65 | 0 to 64",
        "k4v4,smooth=yes | on or off",
        "k4v4,score=b | a2 or a",
        "k4v4,sinks=1,sinks=2 | twice",
        "bf16,lines=1% | takes no settings",
      })
  void mistakesAreNamed(String text, String words) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KvPolicy.parse(text))
        .withMessageContaining(words);
  }

  @Test
  void linesFollowTheLengthInSteps() {
    LineBudget budget = LineBudget.ofShare(0.01);
    assertThat(budget.at(10)).isEqualTo(128);
    assertThat(budget.at(4096)).isEqualTo(128);
    assertThat(budget.at(20_000)).isEqualTo(208);
    assertThat(budget.at(1 << 20)).isEqualTo(512);
    assertThat(LineBudget.ofCount(7).at(100_000)).isEqualTo(7);
    assertThat(LineBudget.NONE.at(100_000)).isZero();
  }

  @Test
  void rulesGiveLayersTheirOwn() {
    KvLayerPolicy base = KvPolicy.parse("k4v4").base();
    KvLayerPolicy other = KvPolicy.parse("bf16").base();
    KvPolicy policy = new KvPolicy(base, List.of(new LayerRule(1, 2, other)), false);
    assertThat(policy.resolve(64, windows(4)).stream().map(KvLayerSpec::policy))
        .containsExactly(base, other, other, base);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> policy.resolve(64, windows(2)))
        .withMessageContainingAll("layers 1-2", "0 to 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new KvPolicy(
                base, List.of(new LayerRule(0, 4, other), new LayerRule(3, 9, base)), false))
        .withMessageContaining("two rules for layer 3");
  }

  @Test
  void aPolicyThatDoesNotFitIsRefusedUnlessItYields() {
    KvPolicy asked = KvPolicy.parse("k4v4");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> asked.resolve(24, windows(3)))
        .isInstanceOf(UnfitPolicyException.class)
        .withMessageContainingAll("layer 0", "24", "multiple of 16");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> asked.resolve(64, List.of(AttentionSpec.NO_WINDOW, 100)))
        .withMessageContainingAll("layer 1", "100", "192");
    List<KvLayerSpec> yielded =
        KvPolicy.nearLossless().resolve(64, List.of(AttentionSpec.NO_WINDOW, 100));
    assertThat(yielded.get(0).policy().isPlain()).isFalse();
    assertThat(yielded.get(1).policy().format()).isEqualTo(KvFormats.plain(DType.BF16));
  }

  @Test
  void bitsCountEverything() {
    KvCacheSpec spec =
        new KvCacheSpec(3, 64, 1 << 20, KvPolicy.parse("k4v4").resolve(64, windows(30)));
    // 4.5 bits a number in pages, 1 % of the tokens again in 16 bits, ring and masks.
    assertThat(spec.effectiveBits(32768)).isBetween(4.66, 4.80);
    assertThat(spec.effectiveBits(128)).isEqualTo(16);
  }

  private static List<Integer> windows(int layers) {
    return Collections.nCopies(layers, AttentionSpec.NO_WINDOW);
  }
}
