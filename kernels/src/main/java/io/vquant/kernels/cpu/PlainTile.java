package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.kvcache.PageLayout;

/**
 * Products with one head of a BF16 tile, widened to F32 first: keys {@code [headDim, 64]}, values
 * {@code [64, headDim]}. Head sizes are multiples of 16.
 */
final class PlainTile {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final int TOKEN_VECTORS = TOKENS / Simd.LANES;

  private final int headDim;
  private final int maxRows;
  private long floats;
  private long part;

  PlainTile(int headDim, int maxRows) {
    this.headDim = headDim;
    this.maxRows = Simd.roundUp(maxRows, OuterTile.ROWS);
  }

  long scratchByteSize() {
    return 4L * headDim * (TOKENS + maxRows);
  }

  void useScratch(long scratch) {
    floats = scratch;
    part = floats + 4L * headDim * TOKENS;
  }

  /** Writes scores {@code [q.paddedRows(), 64]}. */
  void scores(long scores, QueryRows q, long keys) {
    CodeFloats.widenBf16(floats, keys, headDim * TOKENS);
    OuterTile.multiply(scores, q.paddedRows(), q.full(), headDim, floats, TOKEN_VECTORS);
  }

  /**
   * Adds weighted values.
   *
   * @param out {@code [rows, headDim]}, rows {@code outStride} bytes apart
   * @param weights {@code [rows, 64]}
   * @param tokens what lies behind so many tokens is not read
   */
  void add(long out, long outStride, float[] weights, int rows, long values, int tokens) {
    CodeFloats.widenBf16(floats, values, headDim * tokens);
    Simd.zero(floats + 4L * headDim * tokens, 4L * headDim * (TOKENS - tokens));
    int padded = Simd.roundUp(rows, OuterTile.ROWS);
    OuterTile.multiply(part, padded, weights, TOKENS, floats, headDim / Simd.LANES);
    for (int row = 0; row < rows; row++) {
      long to = out + row * outStride;
      long from = part + 4L * row * headDim;
      for (long at = 0; at < 4L * headDim; at += Simd.BYTES) {
        store(load(to + at).add(load(from + at)), to + at);
      }
    }
  }
}
