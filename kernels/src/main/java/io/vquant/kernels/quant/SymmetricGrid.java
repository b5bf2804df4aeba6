package io.vquant.kernels.quant;

/**
 * The grid of 8-bit weights: {@code scale * code}, codes -127 to 127. The scale is the least half
 * with {@code 127 * scale >= max |w|}, so that nothing is clipped.
 */
public final class SymmetricGrid {

  private static final float STEPS = 127;

  private SymmetricGrid() {}

  /**
   * The scale of a group, as FP16.
   *
   * @param maxMagnitude at most 65504; 0 gives 0
   */
  public static short scale(float maxMagnitude) {
    short scale = Float16.fromFloat(maxMagnitude / STEPS);
    // Both are below 2^17 apart from their exponents, so the product is exact.
    boolean tooSmall = Float16.toFloat(scale) * STEPS < maxMagnitude;
    return tooSmall ? (short) (scale + 1) : scale;
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
