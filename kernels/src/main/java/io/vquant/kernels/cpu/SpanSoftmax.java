package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

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
    for (long tile = scores; tile != scores + tiles * stride; tile += stride) {
      for (long at = tile; at != tile + TILE_BYTES; at += BYTES) {
        FloatVector score = load(at);
        max = max.blend(score, score.compare(VectorOperators.GT, max));
      }
    }
    return max.reduceLanes(VectorOperators.MAX);
  }

  /**
   * Writes the weights 2^(s - max) of a row's scores s, laid out alike, and their sums to 16 lanes:
   * lane i takes tokens i, i + 16, ... of all tiles.
   */
  static void weigh(long weights, long scores, long stride, int tiles, float max, float[] lanes) {
    long across = weights - scores;
    for (int half = 0; half != LaneTree.LANES; half += LANES) {
      FloatVector sum = FloatVector.zero(FLOATS);
      long first = scores + 4L * half;
      for (long tile = first; tile != first + tiles * stride; tile += stride) {
        for (long at = tile; at != tile + TILE_BYTES; at += 4L * LaneTree.LANES) {
          FloatVector weight = Exp2.ofNegative(load(at).sub(max));
          store(weight, at + across);
          sum = weight.add(sum);
        }
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
      FloatVector weight = Exp2.ofNegative(load(scores + 4L * j).sub(max)).div(sum);
      FloatVector added = squared ? weight.mul(weight) : weight;
      FloatVector.fromArray(FLOATS, sums, first + j).add(added).intoArray(sums, first + j);
    }
    for (; j < count; j++) {
      float weight = Exp2.of(Simd.get(scores + 4L * j) - max) / sum;
      sums[first + j] += squared ? weight * weight : weight;
    }
  }
}
