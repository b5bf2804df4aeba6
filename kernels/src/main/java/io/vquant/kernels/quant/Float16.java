package io.vquant.kernels.quant;

/** IEEE half precision: 1 sign, 5 exponent, 10 fraction bits. Explicit, as device code must be. */
public final class Float16 {

  /** The largest finite value. */
  public static final float MAX_VALUE = 65504f;

  private static final int SIGN = 0x8000;
  private static final int INFINITY = 0x7c00;
  private static final int QUIET_NAN = 0x7e00;
  private static final int PAYLOAD = 0x1ff;

  /** Fraction bits that a float has more. */
  private static final int DROPPED = 13;

  /** What lies between the exponent biases of a float, 127, and a half, 15. */
  private static final int REBIAS = 112;

  private static final int FLOAT_MAGNITUDE = 0x7fffffff;
  private static final int FLOAT_INFINITY = 0x7f800000;
  private static final int SMALLEST_NORMAL = (REBIAS + 1) << 23;

  private Float16() {}

  /** Exact. */
  public static float toFloat(short bits) {
    int sign = (bits & SIGN) << 16;
    int magnitude = bits & (SIGN - 1);
    if (magnitude >= INFINITY) {
      return Float.intBitsToFloat(sign | FLOAT_INFINITY | (magnitude << DROPPED));
    }
    // The exponent is 112 too low; a multiplication mends it, for subnormals as well.
    float value = Float.intBitsToFloat(magnitude << DROPPED) * 0x1p112f;
    return Float.intBitsToFloat(sign | Float.floatToRawIntBits(value));
  }

  /**
   * Rounds to nearest, ties to even; from 65520 on gives infinity, NaN stays (quiet) NaN with the
   * upper bits of its payload.
   */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & SIGN;
    int magnitude = bits & FLOAT_MAGNITUDE;
    if (magnitude > FLOAT_INFINITY) {
      return (short) (sign | QUIET_NAN | ((magnitude >>> DROPPED) & PAYLOAD));
    }
    if (magnitude < SMALLEST_NORMAL) {
      // Floats from 0.5 to 1 stand 2^-24 apart, as subnormal halves do: the addition rounds.
      float moved = Float.intBitsToFloat(magnitude) + 0.5f;
      return (short) (sign | (Float.floatToRawIntBits(moved) - Float.floatToRawIntBits(0.5f)));
    }
    int roundToEven = (1 << (DROPPED - 1)) - 1 + ((magnitude >>> DROPPED) & 1);
    int rounded = (magnitude - (REBIAS << 23) + roundToEven) >>> DROPPED;
    return (short) (sign | Math.min(rounded, INFINITY));
  }

  /** The value that {@code value} has as a half. */
  public static float round(float value) {
    return toFloat(fromFloat(value));
  }
}
