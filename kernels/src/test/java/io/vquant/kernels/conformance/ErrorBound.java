package io.vquant.kernels.conformance;

/**
 * Bounds of rounding errors after Higham, Accuracy and Stability of Numerical Algorithms (2nd ed.,
 * 2002), section 3.1: a sum of n products, added in any order, with or without fused multiply-add,
 * is off by at most gamma(n) times the sum of the products' absolute values.
 *
 * <p>The standard model leaves out underflow: there a rounding is off by up to half the distance of
 * two subnormal numbers, which {@link #underflow} adds (Higham, section 2.1).
 *
 * @param unitRoundoff largest relative error of one rounding to nearest
 * @param smallestNormal smallest normal number
 * @param operandRoundoff relative error of one operand of each product, where it is rounded to a
 *     shorter type first; else 0
 */
record ErrorBound(double unitRoundoff, double smallestNormal, double operandRoundoff) {

  /** Arithmetic in float32. */
  static final ErrorBound SINGLE = new ErrorBound(0x1p-24, Float.MIN_NORMAL, 0);

  /** Arithmetic in double, rounded to float32 once at the end. */
  static final ErrorBound DOUBLE = new ErrorBound(0x1p-53, Double.MIN_NORMAL, 0);

  /**
   * Tensor cores: one operand rounded to BF16 (8 bits), products exact, sums in float32 that may be
   * cut instead of rounded.
   */
  static final ErrorBound BF16_OPERANDS = new ErrorBound(0x1p-23, Float.MIN_NORMAL, 0x1p-8);

  /** The same with both operands rounded, as unpacked keys and values are. */
  static final ErrorBound TWO_BF16_OPERANDS =
      new ErrorBound(0x1p-23, Float.MIN_NORMAL, 2 * 0x1p-8 + 0x1p-16);

  /** The same with F16 (11 bits). */
  static final ErrorBound F16_OPERANDS = new ErrorBound(0x1p-23, Float.MIN_NORMAL, 0x1p-11);

  /** The same with both operands rounded to F16. */
  static final ErrorBound TWO_F16_OPERANDS =
      new ErrorBound(0x1p-23, Float.MIN_NORMAL, 2 * 0x1p-11 + 0x1p-22);

  /** The same with operands that 16 bits hold, as codes and pieces of an input are. */
  static final ErrorBound EXACT_OPERANDS = new ErrorBound(0x1p-23, Float.MIN_NORMAL, 0);

  /** Bound of |product of n factors (1 + delta) - 1|, each |delta| at most the unit roundoff. */
  double gamma(long n) {
    double nu = n * unitRoundoff;
    if (nu >= 1) {
      throw new IllegalArgumentException("no bound for " + n + " roundings of " + unitRoundoff);
    }
    return nu / (1 - nu);
  }

  /** Absolute error of one rounding that underflows. */
  double underflow() {
    return unitRoundoff * smallestNormal;
  }

  /**
   * Error of a sum of products in this arithmetic.
   *
   * @param n products, plus one for each further rounding on a term's way
   * @param magnitude sum of the products' absolute values
   */
  double sumOfProducts(long n, double magnitude) {
    return (gamma(n) * (1 + operandRoundoff) + operandRoundoff) * magnitude
        + n * underflow() * (1 + gamma(n));
  }

  /**
   * What a float32 result may differ from {@code exact}, when this arithmetic is off by {@code
   * error} and the result is then rounded to float32.
   */
  static double afterStoring(double exact, double error) {
    return error + SINGLE.unitRoundoff * (Math.abs(exact) + error) + SINGLE.underflow();
  }
}
