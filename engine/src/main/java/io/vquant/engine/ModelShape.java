package io.vquant.engine;

import io.vquant.model.ModelConfig;
import io.vquant.model.architectures.Architectures;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Shapes of published models, as their {@code config.json} gives them, for random weights. */
public enum ModelShape {
  /** SmolLM2-135M. */
  SMOLLM2_135M(
      "smollm2-135m",
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 49152,
       "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
       "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192,
       "rms_norm_eps": 1e-05, "rope_theta": 100000, "hidden_act": "silu",
       "tie_word_embeddings": true, "torch_dtype": "bfloat16"}
      """),
  /** Llama 3.2 1B. */
  LLAMA_3_2_1B(
      "llama-3.2-1b",
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256,
       "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
       "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
       "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000,
       "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
         "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
       "hidden_act": "silu", "tie_word_embeddings": true, "torch_dtype": "bfloat16"}
      """),
  /** Llama 3.1 8B. */
  LLAMA_3_1_8B(
      "llama-3.1-8b",
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256,
       "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
       "num_attention_heads": 32, "num_key_value_heads": 8,
       "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000,
       "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
         "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
       "hidden_act": "silu", "tie_word_embeddings": false, "torch_dtype": "bfloat16"}
      """),
  /** Qwen 2.5 7B. */
  QWEN2_5_7B(
      "qwen2.5-7b",
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 152064,
       "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
       "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 131072,
       "rms_norm_eps": 1e-06, "rope_theta": 1000000, "hidden_act": "silu",
       "use_sliding_window": false, "tie_word_embeddings": false, "torch_dtype": "bfloat16"}
      """);

  private final String label;
  private final String json;

  ModelShape(String label, String json) {
    this.label = label;
    this.json = json;
  }

  /** The name as a user writes it. */
  public String label() {
    return label;
  }

  /** The configuration; its file is the label. */
  public ModelConfig config() {
    return Architectures.parseConfig(Path.of(label), json.getBytes(StandardCharsets.UTF_8));
  }
}
