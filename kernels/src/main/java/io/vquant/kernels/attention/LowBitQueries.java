package io.vquant.kernels.attention;

import io.vquant.kernels.quant.HadamardTransform;

/**
 * Query rows, transformed and quantized with a scale a row. A low-bit score, in base 2, is {@code
 * ((float) codes(q).codes(k) * factor(q)) * scale(k)} in float32; the product of the codes is an
 * exact integer.
 */
public final class LowBitQueries {

  /** Softmax runs in base 2: scores are multiplied by this. */
  public static final float LOG2_E = (float) 1.4426950408889634;

  private final int headDim;
  private final AttentionPrecision precision;
  private final HadamardTransform hadamard;
  private final float scoreScale;
  private final float[] rows;
  private final float[] codes;
  private final float[] factors;

  /** For up to {@code maxRows} rows. */
  public LowBitQueries(AttentionSpec spec, AttentionPrecision precision, int maxRows) {
    headDim = spec.headDim();
    this.precision = precision;
    hadamard = new HadamardTransform(headDim);
    scoreScale = spec.softmaxScale() * LOG2_E;
    rows = new float[maxRows * headDim];
    codes = new float[maxRows * headDim];
    factors = new float[maxRows];
  }

  /** Room for untransformed rows {@code [maxRows, headDim]}, to be filled before {@link #set}. */
  public float[] rows() {
    return rows;
  }

  /**
   * Transforms and quantizes the first rows.
   *
   * @throws IllegalArgumentException if a query is not finite
   */
  public void set(int count) {
    for (int row = 0; row < count; row++) {
      int at = row * headDim;
      if (precision.hadamard()) {
        hadamard.apply(rows, at);
      }
      factors[row] = precision.queryKey().quantize(codes, at, rows, at, headDim) * scoreScale;
    }
  }

  /** Codes {@code [maxRows, headDim]}. */
  public float[] codes() {
    return codes;
  }

  /** What the integer product of a row is multiplied by. */
  public float factor(int row) {
    return factors[row];
  }

  /** softmaxScale * log2(e): what an exact product is multiplied by. */
  public float scoreScale() {
    return scoreScale;
  }
}
