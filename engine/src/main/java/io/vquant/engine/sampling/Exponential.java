package io.vquant.engine.sampling;

/**
 * exp in arithmetic that is the same on every machine: {@link Math#exp} may differ by a last bit
 * where the virtual machine replaces it by an instruction sequence of its own, and {@link
 * StrictMath#exp} is too slow for a whole vocabulary. There are no branches and no operations on
 * bits, so that the compiler turns a loop over it into vector instructions.
 */
final class Exponential {
  private static final double SMALLEST_EXPONENT = -87; // e^-87 is about the smallest normal float
  private static final double FLOOR = clamped(SMALLEST_EXPONENT);

  private Exponential() {}

  /**
   * e^x rounded to float, within 1.2e-7 of its value, relative, for x of at least -60; 0 from -87
   * on downwards, and from -60 to -87 too small by at most e^-87.
   *
   * @param x at most 0
   */
  static float ofNonPositive(float x) {
    return (float) (clamped(x) - FLOOR);
  }

  /**
   * (e^(x/1024))^1024, the inner one by its Taylor series up to the sixth power: with |x/1024| at
   * most 0.085 the first term left out is 7e-12, and the squarings make 7e-9 of it.
   */
  private static double clamped(double x) {
    double r = Math.max(x, SMALLEST_EXPONENT) * 0x1p-10;
    double power = 1.0 / 720;
    power = power * r + 1.0 / 120;
    power = power * r + 1.0 / 24;
    power = power * r + 1.0 / 6;
    power = power * r + 0.5;
    power = power * r + 1;
    power = power * r + 1;
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    power *= power;
    return power;
  }
}
