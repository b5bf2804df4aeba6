package io.vquant.kernels.quant;

/**
 * The values that the codes of one group stand for: {@code scale * code + zero}.
 *
 * @param scale FP16, finite, positive or +0 (then every code is 0)
 * @param zero FP16, finite: the value of code 0
 */
public record AffineGrid(short scale, short zero) {

  /** The value of a code: one fma in float32. */
  public float value(int code) {
    return Math.fma(Float16.toFloat(scale), (float) code, Float16.toFloat(zero));
  }

  /**
   * The code whose value is nearest: {@code rint(clamp((value - zero) * (1 / scale)))}, every step
   * rounded to float32, ties to even; 0 when the scale is 0.
   */
  public int code(float value, CodeBits bits) {
    float inverseStep = inverse(Float16.toFloat(scale));
    return code(value, inverseStep, Float16.toFloat(zero), bits.maxCode());
  }

  /** {@code 1 / step}; 0 for a step of 0, which makes every code 0. */
  static float inverse(float step) {
    return step > 0 ? 1f / step : 0f;
  }

  static int code(float value, float inverseStep, float first, int maxCode) {
    float position = (value - first) * inverseStep;
    return (int) Math.rint(Math.max(0f, Math.min((float) maxCode, position)));
  }
}
