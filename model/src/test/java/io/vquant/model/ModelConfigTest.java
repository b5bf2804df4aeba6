package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.model.ModelConfig.Biases;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What configs mean, as transformers 5 reads them. */
class ModelConfigTest {
  private static final int NONE = AttentionSpec.NO_WINDOW;

  @Test
  void namesAndDerivedSizes() {
    ModelConfig config =
        ConfigText.llama()
            .with("eos_token_id", "[2, 7]")
            .with("bos_token_id", "1")
            .with("torch_dtype", "\"bfloat16\"")
            .read();
    assertThat(config.headDim()).isEqualTo(8);
    assertThat(config.queryColumns()).isEqualTo(48);
    assertThat(config.keyValueColumns()).isEqualTo(24);
    assertThat(config.tokens().eos()).containsExactly(2, 7);
    assertThat(config.tokens().bos()).hasValue(1);
    assertThat(config.tokens().pad()).isEmpty();
    assertThat(config.dtype()).contains("bfloat16");
    assertThat(config.notices()).isEmpty();
    assertThat(config.raw().get("rms_norm_eps").doubleValue()).isEqualTo(1e-5);
  }

  @Test
  void keyValueHeadsAreQueryHeadsWhereAbsentOrNull() {
    assertThat(ConfigText.llama().without("num_key_value_heads").read().numKeyValueHeads())
        .isEqualTo(6);
    assertThat(ConfigText.llama().with("num_key_value_heads", "null").read().numKeyValueHeads())
        .isEqualTo(6);
  }

  @Test
  void modelTypeStandsInForArchitectures() {
    for (String absent : List.of("null", "[]")) {
      ModelConfig config = ConfigText.of("x", "qwen2").with("architectures", absent).read();
      assertThat(config.architecture()).isEqualTo("Qwen2ForCausalLM");
    }
  }

  @Test
  void biasesByFamily() {
    assertThat(ConfigText.llama().read().biases()).isEqualTo(Biases.NONE);
    assertThat(ConfigText.llama().with("attention_bias", "true").read().biases())
        .isEqualTo(new Biases(true, true, false));
    assertThat(ConfigText.llama().with("mlp_bias", "true").read().biases())
        .isEqualTo(new Biases(false, false, true));
    assertThat(ConfigText.of("Qwen2ForCausalLM", "qwen2").read().biases())
        .isEqualTo(new Biases(true, false, false));
    ModelConfig qwen3 =
        ConfigText.of("Qwen3ForCausalLM", "qwen3").with("attention_bias", "true").read();
    assertThat(qwen3.biases()).isEqualTo(new Biases(true, true, false));
    assertThat(qwen3.queryKeyNorm()).isTrue();
    assertThat(qwen3.headDim()).isEqualTo(128);
  }

  @Test
  void mistralWindow() {
    assertThat(windows(mistral())).containsOnly(4096);
    assertThat(windows(mistral().with("sliding_window", "null"))).containsOnly(NONE);
    assertThat(windows(mistral().with("sliding_window", "5"))).containsOnly(5);
  }

  @Test
  void qwenWindowNeedsItsSwitch() {
    ConfigText qwen =
        ConfigText.of("Qwen2ForCausalLM", "qwen2")
            .with("sliding_window", "32")
            .with("max_window_layers", "1");
    assertThat(windows(qwen)).containsOnly(NONE);
    qwen.with("use_sliding_window", "true");
    assertThat(windows(qwen)).containsExactly(NONE, 32, 32);
    qwen.with("layer_types", "[\"sliding_attention\", \"full_attention\", \"sliding_attention\"]");
    assertThat(windows(qwen)).containsExactly(32, NONE, 32);
    assertThat(windows(qwen.without("layer_types").without("max_window_layers")))
        .as("28 layers without a window by default")
        .containsOnly(NONE);
  }

  @Test
  void smolLm3LayersWithoutRotaryEmbedding() {
    ConfigText smol = ConfigText.of("SmolLM3ForCausalLM", "smollm3").with("num_hidden_layers", "9");
    assertThat(rotary(smol))
        .containsExactly(true, true, true, false, true, true, true, false, true);
    assertThat(rotary(smol.with("no_rope_layer_interval", "2")))
        .containsExactly(true, false, true, false, true, false, true, false, true);
    assertThat(rotary(smol.with("no_rope_layers", "[0,0,0,1,1,1,0,1,0]")))
        .containsExactly(false, false, false, true, true, true, false, true, false);
    assertThat(windows(smol)).containsOnly(NONE);
    smol.with("use_sliding_window", "true").with("sliding_window", "7");
    assertThat(windows(smol)).containsExactly(7, 7, 7, NONE, NONE, NONE, 7, NONE, 7);
    assertThat(smol.without("tie_word_embeddings").read().tieWordEmbeddings()).isTrue();
    assertThat(smol.without("rope_theta").read().layers().get(3).rope())
        .isEqualTo(new RopeParameters.Default(2_000_000));
    assertThat(smol.with("pretraining_tp", "2").read().notices()).isEmpty();
  }

  @Test
  void ropeInBothForms() {
    RopeParameters linear = new RopeParameters.Linear(500, 4);
    assertThat(
            rope(
                ConfigText.llama()
                    .with("rope_theta", "500")
                    .with("rope_scaling", "{\"type\": \"linear\", \"factor\": 4}")))
        .isEqualTo(linear);
    assertThat(
            rope(
                ConfigText.llama()
                    .with(
                        "rope_parameters",
                        "{\"rope_type\": \"linear\", \"factor\": 4.0, \"rope_theta\": 500}")))
        .isEqualTo(linear);
    assertThat(rope(ConfigText.llama().without("rope_theta")))
        .isEqualTo(new RopeParameters.Default(10_000));
    assertThat(rope(ConfigText.llama().with("rope_scaling", "{}")))
        .isEqualTo(new RopeParameters.Default(10_000));
  }

  @Test
  void ropeByLayerType() {
    ModelConfig config =
        ConfigText.of("Qwen3ForCausalLM", "qwen3")
            .with("use_sliding_window", "true")
            .with("sliding_window", "16")
            .with("max_window_layers", "2")
            .with(
                "rope_parameters",
                "{\"full_attention\": {\"rope_type\": \"default\", \"rope_theta\": 7},"
                    + " \"sliding_attention\": {\"rope_type\": \"linear\", \"factor\": 2}}")
            .read();
    assertThat(config.layers().get(1).rope()).isEqualTo(new RopeParameters.Default(7));
    assertThat(config.layers().get(2).rope()).isEqualTo(new RopeParameters.Linear(10_000, 2));
  }

  @Test
  void yarnFillsInWhatIsAbsent() {
    RopeParameters.Yarn yarn =
        yarn("{\"rope_type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 160}");
    assertThat(yarn)
        .isEqualTo(new RopeParameters.Yarn(10_000, 4, 160, 0.1 * Math.log(4) + 1, 32, 1, true));
    assertThat(yarn("{\"rope_type\": \"yarn\", \"factor\": 4}").originalMaxPositionEmbeddings())
        .isEqualTo(640);
    assertThat(
            yarn("{\"type\":\"yarn\",\"factor\":null,\"original_max_position_embeddings\":80}")
                .factor())
        .isEqualTo(8);
    assertThat(
            yarn("{\"type\":\"yarn\",\"factor\":4,\"mscale\":2,\"mscale_all_dim\":0.5}")
                .attentionFactor())
        .isEqualTo((0.2 * Math.log(4) + 1) / (0.05 * Math.log(4) + 1));
    assertThat(yarn("{\"type\":\"yarn\",\"factor\":4,\"attention_factor\":1.5}").attentionFactor())
        .isEqualTo(1.5);
    assertThat(yarn("{\"type\":\"yarn\",\"factor\":4,\"truncate\":false}").truncate()).isFalse();
    assertThat(yarn("{\"type\":\"yarn\",\"factor\":4,\"beta_fast\":0}").betaFast()).isEqualTo(32);
  }

  @Test
  void harmlessFieldsPassAndUnknownOnesAreNoticed() {
    ModelConfig config =
        ConfigText.llama()
            .with("attention_dropout", "0.1")
            .with("id2label", "{\"0\": \"a\"}")
            .with("quantization_config", "null")
            .with("use_mrope", "false")
            .with("logits_scaling", "1.0")
            .with("pretraining_tp", "1")
            .with("sliding_window", "null")
            .with("favourite_colour", "\"blue\"")
            .read();
    assertThat(config.notices())
        .containsExactly("config field favourite_colour is not known and was ignored");
  }

  @Test
  void contextOfOneBillionAllocatesNothing() {
    ModelConfig config = ConfigText.llama().with("max_position_embeddings", "1000000000").read();
    assertThat(config.maxPositionEmbeddings()).isEqualTo(1_000_000_000);
    MemoryPlan plan = MemoryPlan.of(config, 1000, 1_000_000_000, KvPolicy.plain(DType.BF16));
    assertThat(plan.cacheByteSizePerToken()).isEqualTo(3 * 2 * 24 * 2);
    assertThat(plan.cacheByteSize()).isEqualTo(288_000_000_000L);
    assertThat(plan.totalByteSize()).isGreaterThan(288_000_000_000L + 192_000_000_000L);
  }

  @Test
  void memoryPlanSaturates() {
    ModelConfig config =
        ConfigText.llama()
            .with("num_hidden_layers", "4096")
            .with("num_attention_heads", "8388608")
            .with("num_key_value_heads", "8388608")
            .with("head_dim", "2")
            .read();
    MemoryPlan plan = MemoryPlan.of(config, 1, Integer.MAX_VALUE, KvPolicy.plain(DType.F32));
    assertThat(plan.cacheByteSize()).isEqualTo(Long.MAX_VALUE);
    assertThat(plan.totalByteSize()).isEqualTo(Long.MAX_VALUE);
  }

  private static ConfigText mistral() {
    return ConfigText.of("MistralForCausalLM", "mistral");
  }

  private static List<Integer> windows(ConfigText text) {
    return text.read().layers().stream().map(LayerConfig::slidingWindow).toList();
  }

  private static List<Boolean> rotary(ConfigText text) {
    return text.read().layers().stream().map(layer -> layer.rope() != null).toList();
  }

  private static RopeParameters rope(ConfigText text) {
    return Objects.requireNonNull(text.read().layers().getFirst().rope());
  }

  private static RopeParameters.Yarn yarn(String json) {
    return (RopeParameters.Yarn) rope(ConfigText.llama().with("rope_scaling", json));
  }
}
