package io.vquant.engine.attention;

import io.vquant.kernels.attention.AttentionPrecision;

/**
 * A way to compute prefill attention.
 *
 * @param chunkRows lines are chosen anew for every so many rows, by the last queries among them and
 *     of the keys up to there, as an operator does that sees a prompt in chunks; {@link #WHOLE}:
 *     once
 */
public record PrefillVariant(AttentionPrecision precision, LineChoice lines, int chunkRows) {

  /** Rows of a chunk that holds any prompt. */
  public static final int WHOLE = Integer.MAX_VALUE;

  public PrefillVariant {
    if (chunkRows < 1) {
      throw new IllegalArgumentException("chunkRows " + chunkRows + ": expected at least 1");
    }
  }

  /** Lines chosen once, by the prompt's last queries. */
  public PrefillVariant(AttentionPrecision precision, LineChoice lines) {
    this(precision, lines, WHOLE);
  }

  /** All low bit: the same formats and transform, without lines and window. */
  public PrefillVariant allLowBit() {
    return new PrefillVariant(precision.withWindow(0).withSplitSoftmax(true), LineChoice.NONE);
  }
}
