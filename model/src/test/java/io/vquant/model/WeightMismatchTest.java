package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import io.vquant.weights.ElementType;
import io.vquant.weights.MalformedCheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights that are not those of the config. */
class WeightMismatchTest {
  @TempDir Path folder;

  private final TinyModel model = TinyModel.of(ConfigText.llama());

  @Test
  void layerCount() throws IOException {
    model.config("num_hidden_layers", "2");
    refusedConfig("num_hidden_layers is 2, expected 3: the weights hold layers 0 to 2");
    model.config("num_hidden_layers", "4");
    refusedConfig("num_hidden_layers is 4, expected 3");
    model.config("num_hidden_layers", "3").without("model.layers.1.");
    refusedConfig("num_hidden_layers is 3, expected 2");
  }

  @Test
  void shapes() throws IOException {
    model.config("vocab_size", "98");
    refused("\"model.embed_tokens.weight\"", "[98, 48]", "found shape [97, 48]");
    model.config("vocab_size", "97").with("lm_head.weight", 96, 48);
    refused("\"lm_head.weight\"", "[97, 48]", "found shape [96, 48]");
    model.with("lm_head.weight", 97, 48).with("model.norm.weight", 1, 48);
    refused("\"model.norm.weight\"", "[48]", "found shape [1, 48]");
    model.with("model.norm.weight", 48).config("intermediate_size", "79");
    refused("\"model.layers.0.mlp.gate_proj.weight\"", "[79, 48]", "found shape [80, 48]");
    model.config("intermediate_size", "80").config("head_dim", "10");
    refused("\"model.layers.0.self_attn.q_proj.weight\"", "[60, 48]", "found shape [48, 48]");
  }

  @Test
  void missingTensors() throws IOException {
    model.without("lm_head");
    refused("\"lm_head.weight\"", "a tensor of this name");
    model.with("lm_head.weight", 97, 48).config("attention_bias", "true");
    refused("\"model.layers.0.self_attn.q_proj.bias\"", "a tensor of this name");
    model.config("attention_bias", "false").without("model.norm");
    refused("\"model.norm.weight\"", "a tensor of this name");
  }

  @Test
  void tensorsWithoutAPart() throws IOException {
    model.with("model.layers.1.self_attn.o_proj.bias", 48);
    refused("\"model.layers.1.self_attn.o_proj.bias\"", "LlamaForCausalLM");
    model.without("model.layers.1.self_attn.o_proj.bias").with("model.layers.0.extra", 1);
    refused("\"model.layers.0.extra\"");
    model.without("model.layers.0.extra").with("model.layers.0.self_attn.rotary_emb.inv_freq", 4);
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = load(backend)) {
      assertThat(loaded.notices()).isEmpty();
    }
  }

  @Test
  void integerWeights() throws IOException {
    model.stored("model.layers.2.mlp.up_proj.weight", ElementType.I8);
    refused("\"model.layers.2.mlp.up_proj.weight\"", "a floating-point type", "found I8");
  }

  @Test
  void storedOutputWeightOfATiedModelIsUsed() throws IOException {
    float[] separate = logits();
    model.config("tie_word_embeddings", "true");
    assertThat(logits()).isEqualTo(separate);
    model.without("lm_head");
    assertThat(logits()).isNotEqualTo(separate);
  }

  private float[] logits() throws IOException {
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = load(backend);
        KvCache cache = loaded.model().newCache(1, DType.F32)) {
      Tensor hidden = loaded.model().forward(new int[] {3}, 0, 1, cache, ForwardListener.NONE);
      return Rows.row(loaded.model().logits(hidden), 0);
    }
  }

  private LoadedModel load(ReferenceBackend backend) throws IOException {
    return ModelLoader.load(model.write(folder, 1), backend, LoadListener.NONE);
  }

  private void refused(String... parts) {
    try (ReferenceBackend backend = new ReferenceBackend()) {
      assertThatThrownBy(() -> load(backend))
          .isInstanceOf(MalformedCheckpointException.class)
          .hasMessageContainingAll(parts);
    }
  }

  private void refusedConfig(String part) {
    try (ReferenceBackend backend = new ReferenceBackend()) {
      assertThatThrownBy(() -> load(backend))
          .isInstanceOf(MalformedConfigException.class)
          .hasMessageContaining(part);
    }
  }
}
