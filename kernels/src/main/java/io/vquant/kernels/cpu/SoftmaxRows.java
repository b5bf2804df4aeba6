package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.kvcache.PageLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Online softmax (Milakov and Gimelshein 2018) of rows over pages of 64 scores in base 2. A row's
 * state: maximum, sum of weights, and the output not yet divided by that sum.
 */
final class SoftmaxRows {

  private static final int PAGE_VECTORS = PageLayout.TOKENS / Simd.LANES;

  private SoftmaxRows() {}

  /** The largest of a page's scores. */
  static float max(long scores) {
    FloatVector max = load(scores);
    for (int v = 1; v < PAGE_VECTORS; v++) {
      max = load(scores + (long) v * BYTES).max(max);
    }
    return max.reduceLanes(VectorOperators.MAX);
  }

  /**
   * Writes the weights 2^(s - max) of a page's scores s, and returns their sum; spoils the scores.
   */
  static float weigh(float[] weights, int first, long scores, float max) {
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int v = 0; v < PAGE_VECTORS; v++) {
      FloatVector weight = Exp2.of(load(scores + (long) v * BYTES).sub(max));
      weight.intoArray(weights, first + v * Simd.LANES);
      sum = weight.add(sum);
    }
    store(sum, scores);
    return LaneReduction.sum(scores);
  }

  /** Copies {@code count} floats from memory into an array, times a factor. */
  static void scaled(float[] to, int first, long from, int count, float factor) {
    int i = 0;
    for (; i <= count - Simd.LANES; i += Simd.LANES) {
      load(from + 4L * i).mul(factor).intoArray(to, first + i);
    }
    for (; i < count; i++) {
      to[first + i] = Simd.get(from + 4L * i) * factor;
    }
  }

  /** total = total * totalFactor + part * partFactor. */
  static void merge(long total, float totalFactor, long part, float partFactor, int vectors) {
    FloatVector factor = FloatVector.broadcast(FLOATS, partFactor);
    for (int v = 0; v < vectors; v++) {
      long at = (long) v * BYTES;
      FloatVector scaled = load(total + at).mul(totalFactor);
      store(load(part + at).fma(factor, scaled), total + at);
    }
  }
}
