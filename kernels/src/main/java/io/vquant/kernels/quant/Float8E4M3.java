package io.vquant.kernels.quant;

/**
 * The 8-bit float E4M3 of the OCP specification (OFP8, revision 1.0, section 5): 1 sign, 4 exponent
 * (bias 7), 3 fraction bits. No infinities; all ones is NaN; subnormals are multiples of 2^-9.
 */
public final class Float8E4M3 {

  /** The largest finite value. */
  public static final float MAX_VALUE = 448f;

  private static final int SIGN = 0x80;
  private static final int NAN = 0x7f;
  private static final int MAX_CODE = 0x7e;
  private static final float SMALLEST_NORMAL = 0x1p-6f;
  private static final float SUBNORMAL_STEPS = 0x1p9f;

  /** Fraction bits that a float has more. */
  private static final int DROPPED = 20;

  /** What lies between the exponent biases of a float, 127, and this format, 7. */
  private static final int REBIAS = 120;

  private Float8E4M3() {}

  /** Exact. */
  public static float toFloat(byte bits) {
    int sign = (bits & SIGN) << 24;
    int magnitude = bits & NAN;
    if (magnitude == NAN) {
      return Float.NaN;
    }
    // The exponent is 120 too low; a multiplication mends it, for subnormals as well.
    float value = Float.intBitsToFloat(magnitude << DROPPED) * 0x1p120f;
    return Float.intBitsToFloat(sign | Float.floatToRawIntBits(value));
  }

  /**
   * Rounds to nearest, ties to even, and saturates: what is beyond 448, infinities included,
   * becomes 448 of its sign. NaN stays NaN. The same as CUDA's {@code cvt.rn.satfinite.e4m3x2}.
   */
  public static byte fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 24) & SIGN;
    float magnitude = Math.abs(value);
    if (Float.isNaN(value)) {
      return (byte) (sign | NAN);
    }
    if (magnitude >= MAX_VALUE) {
      return (byte) (sign | MAX_CODE);
    }
    if (magnitude < SMALLEST_NORMAL) {
      return (byte) (sign | (int) Math.rint(magnitude * SUBNORMAL_STEPS));
    }
    int magnitudeBits = Float.floatToRawIntBits(magnitude);
    int roundToEven = (1 << (DROPPED - 1)) - 1 + ((magnitudeBits >>> DROPPED) & 1);
    return (byte) (sign | ((magnitudeBits - (REBIAS << 23) + roundToEven) >>> DROPPED));
  }

  /** The value that {@code value} has in this format. */
  public static float round(float value) {
    return toFloat(fromFloat(value));
  }
}
