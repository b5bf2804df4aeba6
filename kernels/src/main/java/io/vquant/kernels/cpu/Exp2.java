package io.vquant.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Powers of two in float32, our own so that every call gives the same bits whether it was compiled
 * yet or not (the library's vector exponential is another function in the interpreter).
 *
 * <p>x = n + f with n the nearest integer: 2^f by its Taylor polynomial of degree 7 on [-1/2, 1/2]
 * (remainder under 6e-9 of the value), times 2^n by the exponent's bits. Results under 2^-126 are
 * zero.
 */
final class Exp2 {

  static final float LOG2_E = (float) 1.4426950408889634;

  /** What {@link #LOG2_E} leaves out. */
  private static final float LOG2_E_REST = (float) (1.4426950408889634 - LOG2_E);

  private static final float SMALLEST = -126f;
  private static final float LARGEST = 127f;
  private static final float SMALLEST_EXP = -87f;
  private static final float LARGEST_EXP = 88.3f;

  /** Adding it leaves the nearest integer in the low bits of the fraction. */
  private static final float ROUNDER = 0x1.8p23f;

  private static final int ROUNDER_BITS = Float.floatToRawIntBits(ROUNDER);
  private static final float C1 = (float) 0.6931471805599453;
  private static final float C2 = (float) 0.2402265069591007;
  private static final float C3 = (float) 0.055504108664821576;
  private static final float C4 = (float) 0.009618129107628477;
  private static final float C5 = (float) 0.0013333558146428441;
  private static final float C6 = (float) 0.00015403530393381606;
  private static final float C7 = (float) 1.5252733804059838e-05;

  private Exp2() {}

  /** 2^x for x up to 127; larger ones count as 127. */
  static FloatVector of(FloatVector x) {
    FloatVector clamped = x.max(SMALLEST).min(LARGEST);
    FloatVector shifted = clamped.add(ROUNDER);
    FloatVector f = clamped.sub(shifted.sub(ROUNDER));
    return power(shifted, f).blend(0, x.compare(VectorOperators.LT, SMALLEST));
  }

  /**
   * {@link #of(FloatVector)} for x up to 0, minus infinity included, with the same bits. The Vector
   * API's maximum and minimum look after NaN and signed zeros with six operations each; these
   * arguments need neither.
   */
  static FloatVector ofNegative(FloatVector x) {
    FloatVector shifted = x.add(ROUNDER);
    FloatVector f = x.sub(shifted.sub(ROUNDER));
    return power(shifted, f).blend(0, x.compare(VectorOperators.LT, SMALLEST));
  }

  /** e^x for x from -87 to 88.3; what lies outside counts as the nearer end. */
  static FloatVector exp(FloatVector x) {
    FloatVector clamped = x.max(SMALLEST_EXP).min(LARGEST_EXP);
    FloatVector shifted = clamped.mul(LOG2_E).add(ROUNDER);
    FloatVector n = shifted.sub(ROUNDER);
    FloatVector f = clamped.fma(FloatVector.broadcast(Simd.FLOATS, LOG2_E), n.neg());
    f = clamped.fma(FloatVector.broadcast(Simd.FLOATS, LOG2_E_REST), f);
    return power(shifted, f);
  }

  /** 2^(n + f), n in the low bits of {@code shifted}. */
  private static FloatVector power(FloatVector shifted, FloatVector f) {
    FloatVector p = f.mul(C7).add(C6);
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C5));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C4));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C3));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C2));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C1));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, 1));
    IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS).add(127);
    FloatVector scale = exponent.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    return p.mul(scale);
  }

  /** {@link #of(FloatVector)} of one number, bit for bit. */
  static float of(float x) {
    if (x < SMALLEST) {
      return 0;
    }
    float clamped = Math.min(Math.max(x, SMALLEST), LARGEST);
    float shifted = clamped + ROUNDER;
    return power(shifted, clamped - (shifted - ROUNDER));
  }

  /** {@link #exp(FloatVector)} of one number, bit for bit. */
  static float exp(float x) {
    float clamped = Math.min(Math.max(x, SMALLEST_EXP), LARGEST_EXP);
    float shifted = clamped * LOG2_E + ROUNDER;
    float f = Math.fma(clamped, LOG2_E, -(shifted - ROUNDER));
    return power(shifted, Math.fma(clamped, LOG2_E_REST, f));
  }

  private static float power(float shifted, float f) {
    float p = f * C7 + C6;
    p = Math.fma(p, f, C5);
    p = Math.fma(p, f, C4);
    p = Math.fma(p, f, C3);
    p = Math.fma(p, f, C2);
    p = Math.fma(p, f, C1);
    p = Math.fma(p, f, 1);
    int exponent = Float.floatToRawIntBits(shifted) - ROUNDER_BITS + 127;
    return p * Float.intBitsToFloat(exponent << 23);
  }
}
