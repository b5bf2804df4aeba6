package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;

import io.vquant.kernels.kvcache.PageLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Softmax of one row over the tiles of a span, whose 64 scores each, in base 2, lie {@code stride}
 * bytes apart. The bits do not depend on the width of vectors.
 */
final class SpanSoftmax {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final long TILE_BYTES = 4L * TOKENS;

  private SpanSoftmax() {}

  /** The largest score. */
  static float max(long scores, long stride, int tiles) {
    FloatVector max = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    for (int tile = 0; tile < tiles; tile++) {
      long from = scores + tile * stride;
      for (long at = 0; at < TILE_BYTES; at += BYTES) {
        max = max.max(load(from + at));
      }
    }
    return max.reduceLanes(VectorOperators.MAX);
  }

  /**
   * Writes the weights 2^(s - max) of one tile's scores s, and adds them to 16 lanes: lane i takes
   * tokens i, i + 16, ...
   */
  static void weigh(float[] weights, int first, long scores, float max, float[] lanes) {
    for (int half = 0; half < LaneTree.LANES; half += LANES) {
      FloatVector sum = FloatVector.fromArray(FLOATS, lanes, half);
      for (int j = half; j < TOKENS; j += LaneTree.LANES) {
        FloatVector weight = Exp2.of(load(scores + 4L * j).sub(max));
        weight.intoArray(weights, first + j);
        sum = sum.add(weight);
      }
      sum.intoArray(lanes, half);
    }
  }

  /**
   * Adds the attention weights a = 2^(s - max) / sum, or their squares, of {@code count} scores to
   * as many sums.
   */
  static void observe(
      float[] sums, int first, long scores, int count, float max, float sum, boolean squared) {
    int j = 0;
    for (; j <= count - LANES; j += LANES) {
      FloatVector weight = Exp2.of(load(scores + 4L * j).sub(max)).div(sum);
      FloatVector added = squared ? weight.mul(weight) : weight;
      FloatVector.fromArray(FLOATS, sums, first + j).add(added).intoArray(sums, first + j);
    }
    for (; j < count; j++) {
      float weight = Exp2.of(Simd.get(scores + 4L * j) - max) / sum;
      sums[first + j] += squared ? weight * weight : weight;
    }
  }
}
