package io.vquant.engine.sampling;

/**
 * exp in float arithmetic that is the same on every machine: {@link Math#exp} may differ by a last
 * bit where the virtual machine replaces it by an instruction sequence of its own, and {@link
 * StrictMath#exp} is too slow for a whole vocabulary.
 */
final class Exponential {
  private static final float SMALLEST_EXPONENT = -87f; // e^-87 is about the smallest normal float
  private static final float LOG2_E = 1.442695f;
  private static final float LN2_HIGH = 0x1.63p-1f; // few bits: its small multiples are exact
  private static final float LN2_LOW = -2.12194440e-4f;
  private static final float ROUNDER = 12582912f; // 1.5 * 2^23: adding it rounds to an integer
  private static final int FLOAT_BIAS = 127;
  private static final int MANTISSA_BITS = 23;

  private Exponential() {}

  /**
   * e^x within 2e-7 of its value, relative; 0 below -87.
   *
   * <p>x = n ln 2 + r with |r| at most (ln 2) / 2, e^x = 2^n e^r, and e^r by its Taylor series up
   * to r^7 / 7!, whose next term is below 6e-9.
   *
   * @param x at most 0
   */
  static float ofNonPositive(float x) {
    float clamped = Math.max(x, SMALLEST_EXPONENT);
    float n = (clamped * LOG2_E + ROUNDER) - ROUNDER;
    float r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    float series = 1f / 5040;
    series = series * r + 1f / 720;
    series = series * r + 1f / 120;
    series = series * r + 1f / 24;
    series = series * r + 1f / 6;
    series = series * r + 0.5f;
    series = series * r + 1f;
    series = series * r + 1f;
    float power = Float.intBitsToFloat(((int) n + FLOAT_BIAS) << MANTISSA_BITS);
    return x < SMALLEST_EXPONENT ? 0f : series * power;
  }
}
