package io.vquant.kernels.quant;

/**
 * Signed integer codes around zero, for the operands of low-bit matrix products: a value is {@code
 * code * scale}, codes are {@code -maxCode ... maxCode}, so that negation is exact.
 *
 * <p><b>Arithmetic</b>, float32, each operation rounded to nearest even:
 *
 * <pre>
 * scale = maxMagnitude / maxCode          0 if that is below 2^-126 (not a normal float)
 * code  = rint(x * (1 / scale))           ties to even, then held to the range; 0 where scale is 0
 * </pre>
 *
 * <p>One scale serves a row (a token of one head), or the rows of a group of tokens: then {@code
 * maxMagnitude} is the largest of the group.
 */
public enum SymmetricInt {
  INT8(127),
  INT4(7);

  private final int maxCode;

  SymmetricInt(int maxCode) {
    this.maxCode = maxCode;
  }

  public int maxCode() {
    return maxCode;
  }

  /**
   * The largest magnitude among {@code values[from ... from + count - 1]}.
   *
   * @throws IllegalArgumentException if one of them is not finite
   */
  public static float maxMagnitude(float[] values, int from, int count) {
    float max = 0;
    for (int i = from; i < from + count; i++) {
      float magnitude = Math.abs(values[i]);
      if (!(magnitude <= Float.MAX_VALUE)) {
        throw new IllegalArgumentException(
            "element " + (i - from) + " is " + values[i] + ": expected a finite value");
      }
      max = Math.max(max, magnitude);
    }
    return max;
  }

  /** The scale of values up to {@code maxMagnitude}. */
  public float scale(float maxMagnitude) {
    float scale = maxMagnitude / maxCode;
    return scale < Float.MIN_NORMAL ? 0 : scale;
  }

  /** What values are multiplied by to give codes: the rounded 1 / scale, 0 for a scale of 0. */
  public static float inverse(float scale) {
    return scale == 0 ? 0 : 1 / scale;
  }

  /**
   * The code of {@code value}.
   *
   * @param inverse of the scale, from {@link #inverse}
   */
  public int code(float value, float inverse) {
    int code = (int) Math.rint(value * inverse);
    return Math.max(-maxCode, Math.min(maxCode, code));
  }

  /**
   * Writes the codes of a row in one scale of its own, as floats: products of them and sums of up
   * to 1024 products are then exact in float32.
   *
   * @return the scale
   * @throws IllegalArgumentException if a value is not finite
   */
  public float quantize(float[] codes, int to, float[] values, int from, int count) {
    float scale = scale(maxMagnitude(values, from, count));
    quantize(codes, to, values, from, count, scale);
    return scale;
  }

  /** Writes the codes of a row in a given scale, as floats. */
  public void quantize(float[] codes, int to, float[] values, int from, int count, float scale) {
    float inverse = inverse(scale);
    for (int i = 0; i < count; i++) {
      codes[to + i] = code(values[from + i], inverse);
    }
  }
}
