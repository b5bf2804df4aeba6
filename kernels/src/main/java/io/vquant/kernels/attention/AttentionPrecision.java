package io.vquant.kernels.attention;

import io.vquant.kernels.quant.SymmetricInt;

/**
 * The arithmetic of prefill attention that keeps vertical lines and a local window in full
 * precision and computes the rest at low bit-width.
 *
 * <p>A query at position i belongs to the query tile {@code i / 64}; its <b>band</b> begins {@link
 * #window} tokens before that tile, rounded down to a multiple of 64, and is computed exactly, as
 * are the lines before it. Window 0 means no band: then all but the lines is low bit.
 *
 * @param queryKey codes of queries and keys
 * @param value arithmetic of the product with the values
 * @param keyScales which keys share a scale
 * @param smoothK subtract the mean of all keys from every key (exact under softmax; SageAttention,
 *     Zhang et al. 2024, section 4.2)
 * @param hadamard transform queries and keys by {@link io.vquant.kernels.quant.HadamardTransform}
 * @param window tokens before a query tile that are exact; 0 for no band
 * @param splitSoftmax whether the exact and the low-bit part have a running maximum each and are
 *     merged at the end; otherwise they share one, and a large exact score pushes low-bit weights
 *     under the floor of E4M3
 */
public record AttentionPrecision(
    SymmetricInt queryKey,
    ValuePrecision value,
    KeyScales keyScales,
    boolean smoothK,
    boolean hadamard,
    int window,
    boolean splitSoftmax) {

  /** Rows of a query tile and tokens of a key tile. */
  public static final int TILE = 64;

  /** The default window. */
  public static final int WINDOW = 128;

  public AttentionPrecision {
    if (window < 0) {
      throw new IllegalArgumentException("window " + window + ": expected 0 or more");
    }
  }

  /** One scale a token, smoothed keys, Hadamard transform, window 128, exact values. */
  public static AttentionPrecision of(SymmetricInt queryKey) {
    return new AttentionPrecision(
        queryKey, ValuePrecision.EXACT, KeyScales.PER_TOKEN, true, true, WINDOW, true);
  }

  public AttentionPrecision withValue(ValuePrecision newValue) {
    return new AttentionPrecision(
        queryKey, newValue, keyScales, smoothK, hadamard, window, splitSoftmax);
  }

  public AttentionPrecision withKeyScales(KeyScales newKeyScales) {
    return new AttentionPrecision(
        queryKey, value, newKeyScales, smoothK, hadamard, window, splitSoftmax);
  }

  public AttentionPrecision withTransform(boolean newSmoothK, boolean newHadamard) {
    return new AttentionPrecision(
        queryKey, value, keyScales, newSmoothK, newHadamard, window, splitSoftmax);
  }

  public AttentionPrecision withWindow(int newWindow) {
    return new AttentionPrecision(
        queryKey, value, keyScales, smoothK, hadamard, newWindow, splitSoftmax);
  }

  public AttentionPrecision withSplitSoftmax(boolean newSplitSoftmax) {
    return new AttentionPrecision(
        queryKey, value, keyScales, smoothK, hadamard, window, newSplitSoftmax);
  }

  /** First position of the band of a query at {@code position}; beyond all positions if none. */
  public int bandStart(int position) {
    if (window == 0) {
      return Integer.MAX_VALUE;
    }
    return Math.max(0, position / TILE * TILE - window) / TILE * TILE;
  }
}
