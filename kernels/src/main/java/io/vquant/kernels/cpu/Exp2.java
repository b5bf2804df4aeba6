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

  static final float LOG2_E = 1.442695041f;

  private static final float SMALLEST = -126f;
  private static final float LARGEST = 127f;

  /** Adding it leaves the nearest integer in the low bits of the fraction. */
  private static final float ROUNDER = 0x1.8p23f;

  private static final int ROUNDER_BITS = Float.floatToRawIntBits(ROUNDER);
  private static final float C1 = 0.6931471806f;
  private static final float C2 = 0.2402265070f;
  private static final float C3 = 0.05550410866f;
  private static final float C4 = 0.009618129108f;
  private static final float C5 = 0.001333355815f;
  private static final float C6 = 1.540353039e-4f;
  private static final float C7 = 1.525273380e-5f;

  private Exp2() {}

  /** 2^x for x up to 127; larger ones count as 127. */
  static FloatVector of(FloatVector x) {
    FloatVector clamped = x.max(SMALLEST).min(LARGEST);
    FloatVector shifted = clamped.add(ROUNDER);
    FloatVector f = clamped.sub(shifted.sub(ROUNDER));
    FloatVector p = f.mul(C7).add(C6);
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C5));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C4));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C3));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C2));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, C1));
    p = p.fma(f, FloatVector.broadcast(Simd.FLOATS, 1));
    IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS).add(127);
    FloatVector scale = exponent.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
    return p.mul(scale).blend(0, x.compare(VectorOperators.LT, SMALLEST));
  }

  /** The same function, bit for bit, of one number. */
  static float of(float x) {
    if (x < SMALLEST) {
      return 0;
    }
    float clamped = Math.min(Math.max(x, SMALLEST), LARGEST);
    float shifted = clamped + ROUNDER;
    float f = clamped - (shifted - ROUNDER);
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
