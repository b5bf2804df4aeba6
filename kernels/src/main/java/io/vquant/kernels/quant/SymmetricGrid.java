package io.vquant.kernels.quant;

/**
 * The grid of 8-bit weights: {@code scale * code}, codes -127 to 127. The scale is the one with the
 * least sum of squared errors of those that spread the largest weight over {@link #MOST_STEPS},
 * then one step less, and so on down to {@link #FEWEST_STEPS}, and after that of the best one's
 * {@link #NEIGHBORS} next halves on either side. A coarser grid costs little on the average, and
 * where weights already sit on some grid of their own one of these meets it, or nearly so.
 *
 * <p><b>Arithmetic</b>: float32; {@code error = w - scale * code}, squares are added by fma in the
 * order of the group; of equal sums the first counts.
 */
public final class SymmetricGrid {

  /** The largest code. */
  public static final int MOST_STEPS = 127;

  /** Half as many: fewer would leave out a bit. */
  public static final int FEWEST_STEPS = 64;

  /** Halves on either side of the best scale that are tried. */
  public static final int NEIGHBORS = 2;

  private SymmetricGrid() {}

  /**
   * The scale of a group, as FP16.
   *
   * @param group at most 65504 in magnitude
   */
  public static short scale(float[] group) {
    float maxMagnitude = 0;
    for (float weight : group) {
      maxMagnitude = Math.max(maxMagnitude, Math.abs(weight));
    }
    short best = 0;
    float least = Float.POSITIVE_INFINITY;
    for (int steps = MOST_STEPS; steps >= FEWEST_STEPS; steps--) {
      short candidate = Float16.fromFloat(maxMagnitude / steps);
      float error = squaredError(group, candidate);
      if (error < least) {
        least = error;
        best = candidate;
      }
    }
    short center = best;
    for (int distance = -NEIGHBORS; distance <= NEIGHBORS; distance++) {
      short candidate = neighbor(center, distance);
      float error = squaredError(group, candidate);
      if (error < least) {
        least = error;
        best = candidate;
      }
    }
    return best;
  }

  /** The half so many halves above a scale, which ends at 0. */
  public static short neighbor(short scale, int distance) {
    return (short) Math.max(0, scale + distance);
  }

  private static float squaredError(float[] group, short half) {
    float scale = Float16.toFloat(half);
    float inverse = AffineGrid.inverse(scale);
    float sum = 0;
    for (float weight : group) {
      float error = weight - scale * code(weight, inverse);
      sum = Math.fma(error, error, sum);
    }
    return sum;
  }

  /**
   * The code of a weight: {@code rint(w * (1 / scale))}, ties to even, held to -127 ... 127.
   *
   * @param inverse of the scale: {@code 1 / scale}, or 0 for 0
   */
  public static int code(float weight, float inverse) {
    float steps = Math.clamp(weight * inverse, -MOST_STEPS, MOST_STEPS);
    return (int) Math.rint(steps);
  }
}
