package io.vquant.kernels.quant;

/**
 * A float sum in the order that every device keeps: lane {@code i % 16} takes element i, in rising
 * order of i, and the lanes are added as a tree over the distances 8, 4, 2, 1.
 */
final class LaneSum {

  static final int LANES = 16;

  private final float[] lanes = new float[LANES];

  void add(int index, float value) {
    lanes[index % LANES] += value;
  }

  /** Adds {@code a * b}, unrounded, to the lane of {@code index}. */
  void addProduct(int index, float a, float b) {
    lanes[index % LANES] = Math.fma(a, b, lanes[index % LANES]);
  }

  float total() {
    float[] sums = lanes.clone();
    for (int distance = LANES / 2; distance > 0; distance /= 2) {
      for (int i = 0; i < distance; i++) {
        sums[i] += sums[i + distance];
      }
    }
    return sums[0];
  }
}
