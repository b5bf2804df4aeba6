package io.vquant.kernels.quant;

/**
 * The grid of 8-bit weights: {@code scale * code}, codes -127 to 127. Of {@link #CANDIDATES}
 * neighbouring halves the scale is the first with the least sum of squared errors: where rounding
 * falls is chance, and the best of many chances loses a quarter less than the first.
 *
 * <p><b>Arithmetic</b>: float32; {@code error = w - scale * code}, squares are added by fma in the
 * order of the group.
 */
public final class SymmetricGrid {

  /** Scales that are tried, each the next half after the one before. */
  public static final int CANDIDATES = 48;

  /** The largest weight may lie half a step past the last code. */
  private static final float REACH = 127.5f;

  private static final float STEPS = 127;

  private SymmetricGrid() {}

  /**
   * The first candidate, as FP16: {@code FP16(max |w| / 127.5)}.
   *
   * @param maxMagnitude at most 65504; 0 gives 0
   */
  public static short firstScale(float maxMagnitude) {
    return Float16.fromFloat(maxMagnitude / REACH);
  }

  /** The scale of a group, as FP16. */
  public static short scale(float[] group) {
    float maxMagnitude = 0;
    for (float weight : group) {
      maxMagnitude = Math.max(maxMagnitude, Math.abs(weight));
    }
    short first = firstScale(maxMagnitude);
    short best = first;
    float least = Float.POSITIVE_INFINITY;
    for (int i = 0; i < CANDIDATES; i++) {
      short candidate = (short) (first + i);
      float scale = Float16.toFloat(candidate);
      float inverse = AffineGrid.inverse(scale);
      float sum = 0;
      for (float weight : group) {
        float error = weight - scale * code(weight, inverse);
        sum = Math.fma(error, error, sum);
      }
      if (sum < least) {
        least = sum;
        best = candidate;
      }
    }
    return best;
  }

  /**
   * The code of a weight: {@code rint(w * (1 / scale))}, ties to even, held to -127 ... 127.
   *
   * @param inverse of the scale: {@code 1 / scale}, or 0 for 0
   */
  public static int code(float weight, float inverse) {
    float steps = Math.max(-STEPS, Math.min(STEPS, weight * inverse));
    return (int) Math.rint(steps);
  }
}
