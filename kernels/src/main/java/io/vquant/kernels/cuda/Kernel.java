package io.vquant.kernels.cuda;

import io.vquant.kernels.tensor.DType;
import java.util.List;
import java.util.Locale;

/**
 * The kernels that launchers ask for: a file of {@code src/main/cuda} and an entry point in it. A
 * test holds this list against the index of what was compiled.
 */
@SuppressWarnings("ImmutableEnumChecker") // the lists are List.of
enum Kernel {
  EMBEDDING("embedding/embedding", "embedding", DType.values()),
  RMS_NORM("norm/rms_norm", "rms_norm"),
  ROTARY_ANGLES("rope/rotary", "rotary_angles"),
  ROTARY_APPLY("rope/rotary", "rotary_apply"),
  GATED_ACTIVATION("activation/elementwise", "gated_activation"),
  RESIDUAL_ADD("activation/elementwise", "residual_add"),
  GEMV("linear/gemv", "gemv", DType.values()),
  GEMV_ANY("linear/gemv", "gemv_any", DType.values()),
  GEMM_F32("linear/gemm_f32", "gemm_f32", DType.values()),
  APPEND_PLAIN("kvcache/append_plain", "append_plain", DType.F32, DType.BF16),
  ATTENTION_PLAIN_ANY("attention/plain_any", "attention_plain_any", DType.F32, DType.BF16);

  private final String module;
  private final String prefix;
  private final List<DType> dtypes;

  /** An entry point, or one for each of {@code dtypes}. */
  Kernel(String module, String prefix, DType... dtypes) {
    this.module = module;
    this.prefix = prefix;
    this.dtypes = List.of(dtypes);
  }

  /** The file's path without its ending. */
  String module() {
    return module;
  }

  /** The entry point of a kernel that has one. */
  String entry() {
    if (!dtypes.isEmpty()) {
      throw new IllegalArgumentException(this + " has an entry point for each of " + dtypes);
    }
    return prefix;
  }

  /** The entry point for an element type. */
  String entry(DType dtype) {
    if (!dtypes.contains(dtype)) {
      throw new IllegalArgumentException(this + " for " + dtype + ": there is " + dtypes);
    }
    return prefix + "_" + dtype.name().toLowerCase(Locale.ROOT);
  }

  List<String> entries() {
    return dtypes.isEmpty() ? List.of(prefix) : dtypes.stream().map(this::entry).toList();
  }
}
