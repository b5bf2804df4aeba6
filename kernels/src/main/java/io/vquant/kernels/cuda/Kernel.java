package io.vquant.kernels.cuda;

import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.tensor.DType;
import java.util.List;
import java.util.Locale;

/**
 * The kernels that launchers ask for: a file of {@code src/main/cuda} and the entry points in it,
 * one for each variant. A test holds this list against the index of what was compiled.
 */
@SuppressWarnings("ImmutableEnumChecker") // the lists are List.of
enum Kernel {
  EMBEDDING("embedding/embedding", "embedding", "f32", "bf16", "f16"),
  EMBEDDING_CODES("embedding/embedding_codes", "embedding", "q4", "q8"),
  RMS_NORM("norm/rms_norm", "rms_norm"),
  ROTARY_ANGLES("rope/rotary", "rotary_angles"),
  ROTARY_APPLY("rope/rotary", "rotary_apply"),
  GATED_ACTIVATION("activation/elementwise", "gated_activation"),
  RESIDUAL_ADD("activation/elementwise", "residual_add"),
  GEMV_16("linear/gemv_16", "gemv", "bf16", "f16"),
  GEMV_GATED("linear/gemv_16", "gemv_gated", "bf16", "f16"),
  GEMV_F32("linear/gemv", "gemv_f32"),
  GEMV_ANY("linear/gemv", "gemv_any", "f32", "bf16", "f16"),
  GEMV_CODES("linear/gemv_codes", "gemv_codes", "q4g32", "q4g64", "q4g128", "q8g32", "q8g64"),
  GEMV_CODES_GATED(
      "linear/gemv_codes", "gemv_codes_gated", "q4g32", "q4g64", "q4g128", "q8g32", "q8g64"),
  DEQUANTIZE("linear/dequantize", "dequantize", "q4", "q8"),
  RESTORE_OUTLIERS("linear/dequantize", "restore_outliers", "q4", "q8"),
  GEMM_F32("linear/gemm_f32", "gemm_f32", "f32", "bf16", "f16"),
  GEMM_16("linear/gemm_16", "gemm_16", "bf16", "f16"),
  NARROW("linear/narrow", "narrow", "bf16", "f16"),
  ARGMAX("sampling/argmax", "argmax"),
  APPEND_PLAIN("kvcache/append_plain", "append_plain", "f32", "bf16"),
  APPEND_LINES("kvcache/append_lines", "append_lines"),
  HADAMARD_ROWS("kvcache/append_lines", "hadamard_rows"),
  MEAN_KEY("kvcache/append_lines", "mean_key"),
  SUM_KEYS("kvcache/append_lines", "sum_keys"),
  TRANSFORM_TILES("kvcache/append_lines", "transform_tiles"),
  CLOSE_PASS("kvcache/close_pass", "close_pass"),
  PACK("kvcache/pack", "pack"),
  ATTENTION_PLAIN_ANY("attention/plain_any", "attention_plain_any", "f32", "bf16"),
  DECODE_PLAIN("attention/decode_plain", "decode_plain_bf16", "d32", "d64", "d80", "d96", "d128"),
  DECODE_PACKED(
      "attention/decode_packed",
      "decode_packed",
      "k4v4g128_d128",
      "k4v4_d128",
      "k4v4_d64",
      "k8v4g128_d128",
      "k8v4_d128",
      "k8v4_d64",
      "k8v8g128_d128",
      "k8v8_d128",
      "k8v8_d64"),
  ATTENTION_LINES_ANY("attention/lines_any", "attention_lines_any"),
  OBSERVE_LINES("attention/lines_any", "observe_lines"),
  PREFILL_LINES("attention/prefill_lines", "prefill_lines", "d32", "d64", "d80", "d96", "d128"),
  PREFILL_PLAIN(
      "attention/prefill_plain", "prefill_plain_bf16", "d32", "d64", "d80", "d96", "d128");

  private final String module;
  private final String prefix;
  private final List<String> variants;

  /** An entry point, or one for each of {@code variants}. */
  Kernel(String module, String prefix, String... variants) {
    this.module = module;
    this.prefix = prefix;
    this.variants = List.of(variants);
  }

  /** The file's path without its ending. */
  String module() {
    return module;
  }

  /** The entry point of a kernel that has one. */
  String entry() {
    if (!variants.isEmpty()) {
      throw new IllegalArgumentException(this + ": expected one of " + variants);
    }
    return prefix;
  }

  /** The entry point for an element type. */
  String entry(DType dtype) {
    return entry(dtype.name().toLowerCase(Locale.ROOT));
  }

  /** The entry point for a head size. */
  String entry(int headDim) {
    return entry("d" + headDim);
  }

  /** The entry point for weights in codes, of their group where groups have their own. */
  String entry(QuantScheme scheme) {
    String ofGroup = scheme.name() + "g" + scheme.group();
    return entry(variants.contains(ofGroup) ? ofGroup : scheme.name());
  }

  /** The entry point for packed pages. */
  String entry(KvFormat format, int headDim) {
    return entry(format.name() + "_d" + headDim);
  }

  /** Whether there is an entry point for packed pages. */
  boolean has(KvFormat format, int headDim) {
    return variants.contains(format.name() + "_d" + headDim);
  }

  /** Whether there is an entry point for a head size. */
  boolean has(int headDim) {
    return variants.contains("d" + headDim);
  }

  private String entry(String variant) {
    if (!variants.contains(variant)) {
      throw new IllegalArgumentException(this + " " + variant + ": expected one of " + variants);
    }
    return prefix + "_" + variant;
  }

  List<String> entries() {
    return variants.isEmpty() ? List.of(prefix) : variants.stream().map(this::entry).toList();
  }
}
