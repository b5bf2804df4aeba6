package io.vquant.kernels.quant;

/**
 * The accumulator of the FP8 matrix units of Ada and Hopper, as far as it is known: a sum of 32
 * products and the value so far, kept in 22 bits (1 sign, 8 exponent, 13 fraction bits;
 * SageAttention2, Zhang et al. 2024, section 3.3). The addends are aligned at the largest exponent
 * among them and cut off below its 13th fraction bit (DeepSeek-V3 report, 2024, section 3.5.2);
 * their sum is exact and is cut off the same way. Measured behaviour, not a vendor's word: rounding
 * of negative addends, here toward zero, and the order inside the unit are not published.
 *
 * <p>Two levels: a kernel sums one tile of keys in such an accumulator and adds the result to
 * float32.
 */
public final class TruncatedSum {

  /** Products that one matrix instruction adds at once. */
  public static final int PRODUCTS = 32;

  /** Fraction bits that are kept. */
  public static final int FRACTION_BITS = 13;

  /** Factors are at most 2^14 and at least 2^-18 apart from 0: larger exponents do not occur. */
  private static final int SMALLEST_EXPONENT = -100;

  private TruncatedSum() {}

  /**
   * {@code accumulator} plus up to 32 products.
   *
   * @param products exact products of two E4M3 values
   */
  public static float add(float accumulator, float[] products, int from, int count) {
    if (count > PRODUCTS) {
      throw new IllegalArgumentException(count + " products: expected at most " + PRODUCTS);
    }
    float largest = Math.abs(accumulator);
    for (int i = from; i < from + count; i++) {
      largest = Math.max(largest, Math.abs(products[i]));
    }
    int exponent = Math.max(SMALLEST_EXPONENT, Math.getExponent(largest));
    float unitsPerOne = Math.scalb(1f, FRACTION_BITS - exponent);
    int units = (int) (accumulator * unitsPerOne);
    for (int i = from; i < from + count; i++) {
      units += (int) (products[i] * unitsPerOne);
    }
    return truncate(units * Math.scalb(1f, exponent - FRACTION_BITS));
  }

  /** {@code value} without what lies below its 13th fraction bit. */
  public static float truncate(float value) {
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) & -(1 << (23 - FRACTION_BITS)));
  }
}
