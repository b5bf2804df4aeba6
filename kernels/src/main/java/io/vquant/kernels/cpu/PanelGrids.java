package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.MEMORY;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;

import io.vquant.kernels.quant.PanelLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Applies the grids of groups, in their order, to the chains of {@link CodePanel}: {@code sum =
 * fma(scale, chain, sum)}, then {@code sum = fma(zero, sum of the group's inputs, sum)}.
 */
final class PanelGrids {

  private static final long CHAINS = (long) CodePanel.ROWS * Float.BYTES;
  private static final long HALVES = (long) PanelLayout.PANEL_ROWS * Short.BYTES;
  private static final long HALF_VECTOR = BYTES / 2;

  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(LANES * Short.SIZE));

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  /** As {@link CodeFloats#halves}, which is written out here: see {@link CodePanel}. */
  private static final int MOVED_HALF = 0x8fffe000;

  private static final float MENDED = 0x1p112f;

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

  /** Two vectors of the four. */
  private static void foldHalf(
      long sums, long chains, long scales, long zeros, float[] groupSums, int g0, int groups) {
    FloatVector sum0 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums, ORDER);
    FloatVector sum1 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER);
    int g = g0;
    long scale = scales;
    long zero = zeros;
    long end = chains + groups * CHAINS;
    for (long at = chains; at != end; at += CHAINS) {
      FloatVector factor = FloatVector.broadcast(FLOATS, groupSums[g++]);
      sum0 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, scale, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(FloatVector.fromMemorySegment(FLOATS, MEMORY, at, ORDER), sum0);
      sum1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, scale + HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(FloatVector.fromMemorySegment(FLOATS, MEMORY, at + BYTES, ORDER), sum1);
      sum0 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, zero, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(factor, sum0);
      sum1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, zero + HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(factor, sum1);
      scale += HALVES;
      zero += HALVES;
    }
    sum0.intoMemorySegment(MEMORY, sums, ORDER);
    sum1.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
  }

  /** The same for symmetric codes, which have no zeros. */
  static void scale(long sums, long chains, long scales, int groups) {
    FloatVector sum0 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums, ORDER);
    FloatVector sum1 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + BYTES, ORDER);
    FloatVector sum2 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + 2L * BYTES, ORDER);
    FloatVector sum3 = FloatVector.fromMemorySegment(FLOATS, MEMORY, sums + 3L * BYTES, ORDER);
    long scale = scales;
    long end = chains + groups * CHAINS;
    for (long at = chains; at != end; at += CHAINS) {
      sum0 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, scale, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(FloatVector.fromMemorySegment(FLOATS, MEMORY, at, ORDER), sum0);
      sum1 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, scale + HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(FloatVector.fromMemorySegment(FLOATS, MEMORY, at + BYTES, ORDER), sum1);
      sum2 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, scale + 2 * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(FloatVector.fromMemorySegment(FLOATS, MEMORY, at + 2L * BYTES, ORDER), sum2);
      sum3 =
          ((IntVector)
                  ShortVector.fromMemorySegment(SHORTS, MEMORY, scale + 3 * HALF_VECTOR, ORDER)
                      .convertShape(S2I, INTS, 0))
              .lanewise(LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats()
              .mul(MENDED)
              .fma(FloatVector.fromMemorySegment(FLOATS, MEMORY, at + 3L * BYTES, ORDER), sum3);
      scale += HALVES;
    }
    sum0.intoMemorySegment(MEMORY, sums, ORDER);
    sum1.intoMemorySegment(MEMORY, sums + BYTES, ORDER);
    sum2.intoMemorySegment(MEMORY, sums + 2L * BYTES, ORDER);
    sum3.intoMemorySegment(MEMORY, sums + 3L * BYTES, ORDER);
  }
}
