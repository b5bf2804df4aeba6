package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The text form of weight policies. */
final class WeightPolicyTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "bf16|bf16",
        "q8|q8,group=32,outliers=off",
        "q4|q4,group=32,outliers=off",
        "q4,group=128,outliers=3|q4,group=128,outliers=3",
        "q4,outliers=2.5,head=q8|q4,group=32,outliers=2.5,head=q8",
        "q8,group=64,head=bf16|q8,group=64,outliers=off,head=bf16",
        "q4,head=q4|q4,group=32,outliers=off",
      })
  void readsAndWritesItself(String text, String expected) {
    WeightPolicy policy = WeightPolicy.parse(text);
    assertThat(policy).hasToString(expected);
    assertThat(WeightPolicy.parse(expected)).isEqualTo(policy);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "q5|expected bf16, q8 or q4",
        "''|expected bf16, q8 or q4",
        "bf16,group=32|expected bf16, q8 or q4",
        "q4,|expected name=value",
        "q4,group=48|expected one of [32, 64, 128] for q4",
        "q8,group=128|expected one of [32, 64] for q8",
        "q4,group=-1|expected 32, 64 or 128",
        "q4,outliers=1|2 to 100",
        "q4,outliers=NaN|2 to 100",
        "q4,size=3|expected group, outliers or head",
        "q4,head=f32|expected bf16, q8 or q4",
      })
  void refusesInOneLine(String text, String named) {
    assertThatThrownBy(() -> WeightPolicy.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(named)
        .hasMessageNotContaining("\n");
  }

  @Test
  void embeddingAndOutputLayerAreTheHead() {
    WeightPolicy policy = WeightPolicy.parse("q4,head=q8");
    assertThat(policy.schemeOf("lm_head.weight")).isEqualTo(QuantScheme.of("q8"));
    assertThat(policy.schemeOf("model.embed_tokens.weight")).isEqualTo(QuantScheme.of("q8"));
    assertThat(policy.schemeOf("model.layers.0.mlp.up_proj.weight"))
        .isEqualTo(QuantScheme.of("q4"));
  }
}
