package io.vquant.kernels.cpu;

/**
 * Sums in 16 lanes, as in {@link io.vquant.kernels.quant.GroupQuantizer}: lane i takes elements i,
 * i + 16, ..., and the lanes are added pairwise over the distances 8, 4, 2, 1. The same bits for
 * vectors of any width.
 */
final class LaneTree {

  /** Lanes, whatever the machine's vectors hold. */
  static final int LANES = 16;

  private LaneTree() {}

  /** The sum of 16 lanes, which are spoiled. */
  static float sum(float[] lanes, int from) {
    for (int distance = LANES / 2; distance > 0; distance /= 2) {
      for (int i = from; i < from + distance; i++) {
        lanes[i] += lanes[i + distance];
      }
    }
    return lanes[from];
  }

  /** The sum of {@code count} elements, a multiple of 16. */
  static float sum(float[] elements, int from, int count, float[] lanes) {
    for (int i = 0; i < LANES; i++) {
      lanes[i] = elements[from + i];
    }
    for (int first = LANES; first < count; first += LANES) {
      for (int i = 0; i < LANES; i++) {
        lanes[i] += elements[from + first + i];
      }
    }
    return sum(lanes, 0);
  }
}
