package io.vquant.engine.attention;

import io.vquant.kernels.attention.AttentionPrecision;

/** A way to compute prefill attention. */
public record PrefillVariant(AttentionPrecision precision, LineChoice lines) {

  /** All low bit: the same formats and transform, without lines and window. */
  public PrefillVariant allLowBit() {
    return new PrefillVariant(precision.withWindow(0).withSplitSoftmax(true), LineChoice.NONE);
  }
}
