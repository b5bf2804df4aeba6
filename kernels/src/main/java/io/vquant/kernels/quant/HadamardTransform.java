package io.vquant.kernels.quant;

import java.util.Arrays;

/**
 * The normalized Walsh-Hadamard transform (Sylvester's order) of rows of {@code headDim} channels:
 * symmetric, orthogonal and its own inverse, so q.k keeps its value when both are transformed. It
 * spreads an outlier over all channels of its block (QuaRot, Ashkboos et al. 2024, section 3).
 *
 * <p>A row is cut greedily into blocks, each the largest power of two that still fits: 80 = 64 +
 * 16, 96 = 64 + 32, 112 = 64 + 32 + 16.
 *
 * <p><b>Arithmetic</b>, which vector and device code equals bit for bit: float32; in each block for
 * h = 1, 2, 4, ... below its size, {@code (a, b) = (a + b, a - b)} for every pair of channels i and
 * {@code i + h} with bit h of i clear; then each channel times {@code (float) (1 / sqrt(size))}.
 * The order of pairs does not show in the result.
 */
public final class HadamardTransform {

  private final int[] blocks;

  /**
   * @param headDim channels of a row, at least 1
   */
  public HadamardTransform(int headDim) {
    if (headDim < 1) {
      throw new IllegalArgumentException("headDim " + headDim + ": expected at least 1");
    }
    blocks = new int[Integer.bitCount(headDim)];
    int rest = headDim;
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = Integer.highestOneBit(rest);
      rest -= blocks[i];
    }
  }

  /** Sizes of the blocks in order: powers of two, falling. */
  public int[] blocks() {
    return blocks.clone();
  }

  /** The factor after the butterflies of a block of {@code size} channels. */
  public static float normalization(int size) {
    return (float) (1 / Math.sqrt(size));
  }

  /** Transforms the row at {@code rows[offset ... offset + headDim - 1]} in place. */
  public void apply(float[] rows, int offset) {
    int from = offset;
    for (int size : blocks) {
      applyBlock(rows, from, size);
      from += size;
    }
  }

  private static void applyBlock(float[] rows, int from, int size) {
    for (int h = 1; h < size; h *= 2) {
      for (int start = from; start < from + size; start += 2 * h) {
        for (int i = start; i < start + h; i++) {
          float a = rows[i];
          float b = rows[i + h];
          rows[i] = a + b;
          rows[i + h] = a - b;
        }
      }
    }
    float factor = normalization(size);
    for (int i = from; i < from + size; i++) {
      rows[i] *= factor;
    }
  }

  @Override
  public String toString() {
    return "HadamardTransform" + Arrays.toString(blocks);
  }
}
