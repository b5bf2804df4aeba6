package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.PageLayout;

/** Takes scores {@code [rows, 64]} away that a row may not see: they become minus infinity. */
final class LineMask {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final long ROW_BYTES = 4L * TOKENS;

  private final AttentionSpec spec;

  LineMask(AttentionSpec spec) {
    this.spec = spec;
  }

  /** A packed page: lines, which are read from the slab, and what left the sliding window. */
  void page(long scores, QueryRows q, int pageStart, long lines) {
    for (int row = 0; row < q.rows(); row++) {
      long at = scores + row * ROW_BYTES;
      for (long rest = lines; rest != 0; rest &= rest - 1) {
        hide(at, Long.numberOfTrailingZeros(rest));
      }
      hideBefore(at, spec.firstVisible(q.position(row)) - pageStart);
    }
  }

  /** A hot tile: what left the sliding window, and later tokens. */
  void tile(long scores, QueryRows q, int tileStart) {
    for (int row = 0; row < q.rows(); row++) {
      long at = scores + row * ROW_BYTES;
      hideBefore(at, spec.firstVisible(q.position(row)) - tileStart);
      for (int slot = Math.max(0, q.position(row) - tileStart + 1); slot < TOKENS; slot++) {
        hide(at, slot);
      }
    }
  }

  /** A slab tile: what left the sliding window, and what lies behind the last row. */
  void slab(long scores, QueryRows q, LineKvLayer layer, int kvHead, int firstRow) {
    int count = Math.min(TOKENS, layer.slabRows(kvHead) - firstRow);
    for (int row = 0; row < q.rows(); row++) {
      long at = scores + row * ROW_BYTES;
      int firstVisible = spec.firstVisible(q.position(row));
      for (int slot = 0; slot < count && firstVisible > 0; slot++) {
        if (layer.slabPosition(kvHead, firstRow + slot) < firstVisible) {
          hide(at, slot);
        }
      }
      for (int slot = count; slot < TOKENS; slot++) {
        hide(at, slot);
      }
    }
  }

  private static void hideBefore(long scores, int end) {
    for (int slot = 0; slot < Math.min(end, TOKENS); slot++) {
      hide(scores, slot);
    }
  }

  private static void hide(long scores, int slot) {
    Simd.set(scores + 4L * slot, Float.NEGATIVE_INFINITY);
  }
}
