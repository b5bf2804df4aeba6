package io.vquant.model.config;

import io.vquant.model.OneLine;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * The verdict on fields that no reader asked for. Known to be harmless: accepted. A name that
 * suggests other arithmetic: refused, unless its value switches it off (null, false, empty, or 1
 * for a factor). Any other: accepted with a notice, since files carry much that only training
 * needs.
 */
public final class UnreadFields {
  private UnreadFields() {}

  /** Fields of training, bookkeeping or generation, without effect on a forward pass. */
  private static final Set<String> HARMLESS =
      Set.of(
          "model_type",
          "transformers_version",
          "use_cache",
          "initializer_range",
          "attention_dropout",
          "hidden_dropout",
          "hidden_dropout_prob",
          "attention_probs_dropout_prob",
          "resid_pdrop",
          "embd_pdrop",
          "attn_pdrop",
          "classifier_dropout",
          "_name_or_path",
          "name_or_path",
          "_commit_hash",
          "id2label",
          "label2id",
          "num_labels",
          "problem_type",
          "task_specific_params",
          "finetuning_task",
          "output_attentions",
          "output_hidden_states",
          "return_dict",
          "return_dict_in_generate",
          "torchscript",
          "use_bfloat16",
          "tokenizer_class",
          "unk_token_id",
          "sep_token_id",
          "cls_token_id",
          "mask_token_id",
          "decoder_start_token_id",
          "max_length",
          "min_length",
          "do_sample",
          "num_beams",
          "temperature",
          "top_k",
          "top_p",
          "typical_p",
          "repetition_penalty",
          "length_penalty",
          "no_repeat_ngram_size",
          "chunk_size_feed_forward",
          "remove_invalid_values",
          "attn_implementation",
          "_attn_implementation",
          "_attn_implementation_autoset",
          "unsloth_fixed",
          "unsloth_version",
          "transformers.js_config",
          "max_sequence_length",
          "max_window_layers",
          "is_llama_config");

  /** Parts of names that stand for arithmetic this engine would have to know. */
  private static final List<String> SUSPECT =
      List.of(
          "quant",
          "scal",
          "multiplier",
          "softcap",
          "soft_cap",
          "moe",
          "expert",
          "router",
          "lora",
          "adapter",
          "peft",
          "clip",
          "qk_",
          "query_key",
          "alibi",
          "rotary",
          "rope",
          "window",
          "sink",
          "bias",
          "norm",
          "mup",
          "spars",
          "compress",
          "residual",
          "tensor_parallel",
          "pretraining_tp",
          "layer_types",
          "per_layer",
          "share",
          "cross_attention",
          "is_encoder_decoder",
          "is_decoder",
          "pruned_heads",
          "multi_query",
          "parallel_attn",
          "new_decoder",
          "latent",
          "kv_lora",
          "ssm",
          "mamba",
          "vision",
          "text_config",
          "audio",
          "chunk_attention",
          "attention_chunk",
          "gate",
          "position_embedding",
          "activat");

  /** Suspect names whose neutral value is 1. */
  private static final List<String> FACTORS =
      List.of("scal", "multiplier", "pretraining_tp", "tensor_parallel");

  /** Refuses or notes what is left of {@code config} after all readers asked for their fields. */
  public static void check(ConfigFields config, List<String> notices) {
    for (String name : config.unread()) {
      if (HARMLESS.contains(name)) {
        continue;
      }
      String lower = name.toLowerCase(Locale.ROOT);
      if (SUSPECT.stream().anyMatch(lower::contains)) {
        refuseUnlessNeutral(config, name, lower);
      } else {
        notices.add("config field " + OneLine.of(name) + " is not known and was ignored");
      }
    }
  }

  private static void refuseUnlessNeutral(ConfigFields config, String name, String lower) {
    JsonNode value = config.json().get(name);
    boolean off =
        value.isNull()
            || (value.isBoolean() && !value.booleanValue())
            || (value.isContainer() && value.isEmpty());
    boolean factor = FACTORS.stream().anyMatch(lower::contains);
    if (off || (factor && value.isNumber() && value.doubleValue() == 1)) {
      return;
    }
    throw config.bad(
        name,
        "no such field"
            + (factor ? ", or 1" : "")
            + ": it changes the result in a way that is not supported");
  }
}
