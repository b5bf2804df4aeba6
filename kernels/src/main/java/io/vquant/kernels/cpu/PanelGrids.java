package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.PanelLayout;
import jdk.incubator.vector.FloatVector;

/**
 * Applies the grids of groups, in their order, to the chains of {@link CodePanel}: {@code sum =
 * fma(scale, chain, sum)}, then {@code sum = fma(zero, sum of the group's inputs, sum)}.
 */
final class PanelGrids {

  private static final long CHAINS = (long) CodePanel.ROWS * Float.BYTES;
  private static final long HALVES = (long) PanelLayout.PANEL_ROWS * Short.BYTES;
  private static final long HALF_VECTOR = BYTES / 2;

  private PanelGrids() {}

  /**
   * Adds groups of {@link CodePanel#ROWS} weight rows.
   *
   * @param sums of so many rows
   * @param chains {@code [groups, ROWS]}
   * @param scales FP16 of the rows in the first group
   * @param zeros the same
   * @param groupSums of the input row, from {@code g0} on
   */
  static void fold(
      long sums, long chains, long scales, long zeros, float[] groupSums, int g0, int groups) {
    foldHalf(sums, chains, scales, zeros, groupSums, g0, groups);
    long half = 2L * BYTES;
    long halves = 2 * HALF_VECTOR;
    foldHalf(sums + half, chains + half, scales + halves, zeros + halves, groupSums, g0, groups);
  }

  /** Two vectors of the four: all four are more than is compiled as one piece. */
  private static void foldHalf(
      long sums, long chains, long scales, long zeros, float[] groupSums, int g0, int groups) {
    FloatVector sum0 = load(sums);
    FloatVector sum1 = load(sums + BYTES);
    int g = g0;
    long scale = scales;
    long zero = zeros;
    long end = chains + groups * CHAINS;
    for (long at = chains; at != end; at += CHAINS) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g++]);
      sum0 = CodeFloats.halves(scale).fma(load(at), sum0);
      sum1 = CodeFloats.halves(scale + HALF_VECTOR).fma(load(at + BYTES), sum1);
      sum0 = CodeFloats.halves(zero).fma(factor, sum0);
      sum1 = CodeFloats.halves(zero + HALF_VECTOR).fma(factor, sum1);
      scale += HALVES;
      zero += HALVES;
    }
    store(sum0, sums);
    store(sum1, sums + BYTES);
  }

  /** The same for symmetric codes, which have no zeros. */
  static void scale(long sums, long chains, long scales, int groups) {
    FloatVector sum0 = load(sums);
    FloatVector sum1 = load(sums + BYTES);
    FloatVector sum2 = load(sums + 2L * BYTES);
    FloatVector sum3 = load(sums + 3L * BYTES);
    long scale = scales;
    long end = chains + groups * CHAINS;
    for (long at = chains; at != end; at += CHAINS) {
      sum0 = CodeFloats.halves(scale).fma(load(at), sum0);
      sum1 = CodeFloats.halves(scale + HALF_VECTOR).fma(load(at + BYTES), sum1);
      sum2 = CodeFloats.halves(scale + 2 * HALF_VECTOR).fma(load(at + 2L * BYTES), sum2);
      sum3 = CodeFloats.halves(scale + 3 * HALF_VECTOR).fma(load(at + 3L * BYTES), sum3);
      scale += HALVES;
    }
    store(sum0, sums);
    store(sum1, sums + BYTES);
    store(sum2, sums + 2L * BYTES);
    store(sum3, sums + 3L * BYTES);
  }
}
