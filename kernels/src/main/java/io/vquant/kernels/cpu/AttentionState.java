package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;

/**
 * The softmax state of one row over some of its keys, in memory: sum of weights, maximum score,
 * then the output not yet divided by the sum. States of disjoint key ranges merge by log-sum-exp;
 * they are always merged in the order of the keys, in prefill and in decode, so both give the same
 * bits.
 */
final class AttentionState {

  /** Bytes before the output. */
  static final int HEADER_BYTES = 64;

  private AttentionState() {}

  static long byteSize(int outVectors) {
    return HEADER_BYTES + (long) outVectors * BYTES;
  }

  /** No keys yet. */
  static void clear(long state, int outVectors) {
    Simd.zero(state, byteSize(outVectors));
    Simd.set(state + 4, Float.NEGATIVE_INFINITY);
  }

  static void write(long state, float sum, float max, long out, int outVectors) {
    Simd.set(state, sum);
    Simd.set(state + 4, max);
    for (int v = 0; v < outVectors; v++) {
      long at = (long) v * BYTES;
      Simd.store(Simd.load(out + at), state + HEADER_BYTES + at);
    }
  }

  /** Merges the state written at {@code part} into {@code total}. */
  static void merge(long total, long part, int outVectors) {
    merge(total, Simd.get(part), Simd.get(part + 4), part + HEADER_BYTES, outVectors);
  }

  /** Merges a state into {@code total}. */
  static void merge(long total, float sum, float max, long out, int outVectors) {
    if (max == Float.NEGATIVE_INFINITY) {
      return;
    }
    float totalMax = Simd.get(total + 4);
    float newMax = Math.max(totalMax, max);
    float totalFactor = Exp2.of(totalMax - newMax);
    float partFactor = Exp2.of(max - newMax);
    SoftmaxRows.merge(total + HEADER_BYTES, totalFactor, out, partFactor, outVectors);
    Simd.set(total, Math.fma(sum, partFactor, Simd.get(total) * totalFactor));
    Simd.set(total + 4, newMax);
  }

  /** Divides by the sum and writes the channels in their own order. */
  static void finish(long out, long state, PageReader reader, int headDim) {
    reader.writeChannels(out, state + HEADER_BYTES, headDim, Simd.get(state));
  }
}
