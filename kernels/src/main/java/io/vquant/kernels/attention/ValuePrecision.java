package io.vquant.kernels.attention;

/** Arithmetic of the product of low-bit attention weights and values. */
public enum ValuePrecision {
  /** Weights and values as they are, float32 sums: stands for 16-bit operands. */
  EXACT,
  /** Weights times 448 and values, one scale a channel, as E4M3; two levels of accumulation. */
  E4M3
}
