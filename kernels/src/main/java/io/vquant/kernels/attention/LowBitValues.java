package io.vquant.kernels.attention;

import io.vquant.kernels.quant.Float8E4M3;

/**
 * The values of one KV head in E4M3, one scale a channel: {@code scale = max |v| / 448} over the
 * tokens that are no lines, code = E4M3(v * (1 / scale)). A channel whose scale is below 2^-126 is
 * all zeros.
 */
public final class LowBitValues {

  private final int headDim;
  private final float[] scales;
  private float[] codes = {};

  /** For heads of {@code headDim} channels; holds nothing yet. */
  public LowBitValues(int headDim) {
    this.headDim = headDim;
    scales = new float[headDim];
  }

  /**
   * Quantizes rows {@code [tokens, headDim]}.
   *
   * @param keys knows the tokens and which of them are lines
   * @throws IllegalArgumentException if a value is not finite
   */
  public void set(float[] rows, LowBitKeys keys) {
    int tokens = keys.tokens();
    if (codes.length < tokens * headDim) {
      codes = new float[tokens * headDim];
    }
    for (int c = 0; c < headDim; c++) {
      float max = 0;
      for (int token = 0; token < tokens; token++) {
        float magnitude = Math.abs(rows[token * headDim + c]);
        if (!(magnitude <= Float.MAX_VALUE)) {
          throw new IllegalArgumentException(
              "value of token " + token + ", channel " + c + ": not finite");
        }
        max = keys.isLine(token) ? max : Math.max(max, magnitude);
      }
      float scale = max / Float8E4M3.MAX_VALUE;
      scales[c] = scale < Float.MIN_NORMAL ? 0 : scale;
    }
    for (int c = 0; c < headDim; c++) {
      float inverse = scales[c] == 0 ? 0 : 1 / scales[c];
      for (int token = 0; token < tokens; token++) {
        int at = token * headDim + c;
        codes[at] = keys.isLine(token) ? 0 : Float8E4M3.round(rows[at] * inverse);
      }
    }
  }

  /** The E4M3 values {@code [tokens, headDim]}, unscaled; 0 for lines. */
  public float[] codes() {
    return codes;
  }

  /** The scale of a channel. */
  public float scale(int channel) {
    return scales[channel];
  }
}
