package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.quant.HadamardTransform;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Query rows of one KV head as attention over packed pages wants them: transformed, times the
 * softmax scale in base 2, and once more by groups of channels with their sums. Row r is position
 * {@code firstPosition + r / groupSize}, head {@code r % groupSize} of the group.
 */
final class QueryRows {

  /** Up to so many rows codes are multiplied as they lie; more are worth unpacking for. */
  static final int FEW = 16;

  private final AttentionSpec spec;
  private final int headDim;
  private final int groups;
  private final int groupSize;
  private final float scale;
  private final float[] powers;
  private final float[] full;
  private final float[] grouped;
  private final float[] sums;
  private final float[] lanes = new float[LaneTree.LANES];
  private int rows;
  private int firstPosition;

  QueryRows(AttentionSpec spec, GroupLayout keys, int maxRows) {
    this.spec = spec;
    headDim = spec.headDim();
    groupSize = keys.isPerToken() ? keys.groupSize() : headDim;
    groups = headDim / groupSize;
    scale = spec.softmaxScale() * Exp2.LOG2_E;
    powers = CodeTile.powers(groupSize, keys.bits().bits());
    int padded = Simd.roundUp(maxRows, OuterTile.ROWS);
    full = new float[padded * headDim];
    grouped = new float[padded * headDim];
    sums = new float[padded * groups];
  }

  /**
   * Takes up rows.
   *
   * @param q address of position {@code first}'s query, first head of the group
   * @param qStride bytes between positions
   */
  void load(long q, long qStride, int first, int positions, @Nullable HadamardTransform transform) {
    firstPosition = first;
    int group = spec.groupSize();
    rows = positions * group;
    for (int row = 0; row < rows; row++) {
      int at = row * headDim;
      SoftmaxRows.scaled(full, at, q + row / group * qStride + 4L * at(row), headDim, 1f);
      if (transform != null) {
        transform.apply(full, at);
      }
      for (int i = at; i < at + headDim; i++) {
        full[i] *= scale;
      }
      group(row);
    }
    Arrays.fill(full, rows * headDim, paddedRows() * headDim, 0);
  }

  private int at(int row) {
    return row % spec.groupSize() * headDim;
  }

  private void group(int row) {
    for (int g = 0; g < groups; g++) {
      int from = row * headDim + g * groupSize;
      sums[g * rows + row] = LaneTree.sum(full, from, groupSize, lanes);
      int to = groupAt(g) + row * groupSize;
      System.arraycopy(full, from, grouped, to, groupSize);
      if (isFew()) {
        CodeTile.unscale(grouped, to, groupSize, powers);
      }
    }
  }

  int rows() {
    return rows;
  }

  int paddedRows() {
    return Simd.roundUp(rows, OuterTile.ROWS);
  }

  boolean isFew() {
    return rows <= FEW;
  }

  /** Position of a row's query. */
  int position(int row) {
    return firstPosition + row / spec.groupSize();
  }

  /** {@code [paddedRows(), headDim]}. */
  float[] full() {
    return full;
  }

  /**
   * {@code [groups, paddedRows(), group size]}: {@link #full}, unscaled for {@link CodeTile} if the
   * rows are few.
   */
  float[] grouped() {
    return grouped;
  }

  /** Where a group of {@link #grouped} starts. */
  int groupAt(int group) {
    return group * paddedRows() * groupSize;
  }

  /** The sum of a row's elements in a group. */
  float sum(int group, int row) {
    return sums[group * rows + row];
  }
}
