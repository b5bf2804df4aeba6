package io.vquant.kernels.attention;

import io.vquant.kernels.quant.HadamardTransform;
import io.vquant.kernels.quant.SymmetricInt;
import java.util.Arrays;

/**
 * The keys of one KV head, transformed and quantized: the specification of what low-bit attention
 * multiplies, used by every host backend.
 *
 * <p>Transform: {@code k = H (k - mean)}, each channel's mean summed in double in the order of the
 * tokens and rounded to float32 once. Lines keep their transformed row and have codes of 0.
 */
public final class LowBitKeys {

  private static final int TILE = AttentionPrecision.TILE;

  private final int headDim;
  private final AttentionPrecision precision;
  private final HadamardTransform hadamard;
  private float[] rows = {};
  private float[] codes = {};
  private float[] scales = {};
  private boolean[] line = {};
  private final float[] mean;
  private int tokens;

  /** For heads of {@code headDim} channels; holds nothing yet. */
  public LowBitKeys(int headDim, AttentionPrecision precision) {
    this.headDim = headDim;
    this.precision = precision;
    hadamard = new HadamardTransform(headDim);
    mean = new float[headDim];
  }

  /**
   * Room for the untransformed rows {@code [tokens, headDim]}, to be filled before {@link #set}.
   */
  public float[] buffer(int forTokens) {
    if (rows.length < forTokens * headDim) {
      rows = new float[forTokens * headDim];
      codes = new float[forTokens * headDim];
      scales = new float[forTokens];
      line = new boolean[forTokens];
    }
    return rows;
  }

  /**
   * Transforms and quantizes what {@link #buffer} holds.
   *
   * @param lines positions kept in full precision
   * @throws IllegalArgumentException if a key is not finite or a line is not among the tokens
   */
  public void set(int newTokens, int[] lines) {
    transform(newTokens);
    quantize(lines);
  }

  /**
   * Transforms what {@link #buffer} holds, so that lines can be chosen before {@link #quantize}.
   */
  public void transform(int newTokens) {
    tokens = newTokens;
    Arrays.fill(mean, 0);
    if (precision.smoothK()) {
      subtractMean();
    }
    if (precision.hadamard()) {
      for (int token = 0; token < tokens; token++) {
        hadamard.apply(rows, token * headDim);
      }
    }
  }

  /**
   * Quantizes what has been transformed.
   *
   * @param lines positions kept in full precision
   * @throws IllegalArgumentException if a key is not finite or a line is not among the tokens
   */
  public void quantize(int[] lines) {
    mark(lines);
    for (int first = 0; first < tokens; first += tileStep()) {
      quantize(first, Math.min(tokens, first + tileStep()));
    }
  }

  private int tileStep() {
    return precision.keyScales() == KeyScales.PER_TILE ? TILE : 1;
  }

  private void mark(int[] lines) {
    Arrays.fill(line, 0, tokens, false);
    for (int position : lines) {
      if (position < 0 || position >= tokens) {
        throw new IllegalArgumentException(
            "line " + position + ": expected a position below " + tokens + ", the tokens");
      }
      line[position] = true;
    }
  }

  private void subtractMean() {
    double[] sums = new double[headDim];
    for (int token = 0; token < tokens; token++) {
      for (int c = 0; c < headDim; c++) {
        sums[c] += rows[token * headDim + c];
      }
    }
    for (int c = 0; c < headDim; c++) {
      mean[c] = (float) (sums[c] / tokens);
    }
    for (int token = 0; token < tokens; token++) {
      for (int c = 0; c < headDim; c++) {
        rows[token * headDim + c] -= mean[c];
      }
    }
  }

  /** Gives the tokens {@code first} to {@code end - 1} one scale. */
  private void quantize(int first, int end) {
    float max = 0;
    for (int token = first; token < end; token++) {
      float magnitude = SymmetricInt.maxMagnitude(rows, token * headDim, headDim);
      max = line[token] ? max : Math.max(max, magnitude);
    }
    float scale = precision.queryKey().scale(max);
    for (int token = first; token < end; token++) {
      int at = token * headDim;
      scales[token] = scale;
      if (line[token]) {
        Arrays.fill(codes, at, at + headDim, 0);
      } else {
        precision.queryKey().quantize(codes, at, rows, at, headDim, scale);
      }
    }
  }

  public int tokens() {
    return tokens;
  }

  /** What was subtracted from every key, before the Hadamard transform; zeros if nothing was. */
  public float mean(int channel) {
    return mean[channel];
  }

  /** Transformed keys {@code [tokens, headDim]}. */
  public float[] rows() {
    return rows;
  }

  /** Codes {@code [tokens, headDim]}. */
  public float[] codes() {
    return codes;
  }

  /** The scale of a token's codes. */
  public float scale(int token) {
    return scales[token];
  }

  public boolean isLine(int token) {
    return line[token];
  }
}
