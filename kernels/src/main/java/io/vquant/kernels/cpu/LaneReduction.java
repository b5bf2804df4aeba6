package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.MEMORY;
import static io.vquant.kernels.cpu.Simd.ORDER;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Sums the lanes of as many accumulators as there are lanes, in one fixed tree (distance lanes / 2,
 * ..., 2, 1), all of them together. The order does not depend on the compiler, unlike that of
 * {@code reduceLanes}.
 *
 * <p>Two vectors share one with half as many partial sums each: a blend keeps the upper half of one
 * and the lower half of the other, a second blend and a rearrangement bring what is added to them.
 */
final class LaneReduction {

  private static final int STAGES = Integer.numberOfTrailingZeros(Simd.LANES);
  private static final VectorMask<Float> UPPER_8 = lanesWithBit(Simd.LANES > 8 ? 8 : 4);
  private static final VectorMask<Float> UPPER_4 = lanesWithBit(4);
  private static final VectorMask<Float> UPPER_2 = lanesWithBit(2);
  private static final VectorMask<Float> UPPER_1 = lanesWithBit(1);
  private static final VectorShuffle<Float> SWAP_8 = swapped(Simd.LANES > 8 ? 8 : 4);
  private static final VectorShuffle<Float> SWAP_4 = swapped(4);
  private static final VectorShuffle<Float> SWAP_2 = swapped(2);
  private static final VectorShuffle<Float> SWAP_1 = swapped(1);

  private LaneReduction() {}

  private static VectorMask<Float> lanesWithBit(int bit) {
    boolean[] lanes = new boolean[Simd.LANES];
    for (int i = 0; i < lanes.length; i++) {
      lanes[i] = (i & bit) != 0;
    }
    return VectorMask.fromArray(Simd.FLOATS, lanes, 0);
  }

  private static VectorShuffle<Float> swapped(int bit) {
    int[] lanes = new int[Simd.LANES];
    for (int i = 0; i < lanes.length; i++) {
      lanes[i] = i ^ bit;
    }
    return VectorShuffle.fromArray(Simd.FLOATS, lanes, 0);
  }

  /**
   * Sums the lanes of as many accumulators as there are lanes.
   *
   * @param to receives the vector of the sums, lane i that of accumulator i; may be {@code
   *     accumulators}
   * @param accumulators {@code LANES} vectors
   */
  static void reduce(long to, long accumulators) {
    if (STAGES == 4) {
      reduceSixteen(to, accumulators);
    } else {
      reduceEight(to, accumulators);
    }
  }

  private static void reduceSixteen(long to, long from) {
    FloatVector v0 = fromMemorySegment(FLOATS, MEMORY, from, ORDER);
    FloatVector v1 = fromMemorySegment(FLOATS, MEMORY, from + 1L * BYTES, ORDER);
    FloatVector v2 = fromMemorySegment(FLOATS, MEMORY, from + 2L * BYTES, ORDER);
    FloatVector v3 = fromMemorySegment(FLOATS, MEMORY, from + 3L * BYTES, ORDER);
    FloatVector v4 = fromMemorySegment(FLOATS, MEMORY, from + 4L * BYTES, ORDER);
    FloatVector v5 = fromMemorySegment(FLOATS, MEMORY, from + 5L * BYTES, ORDER);
    FloatVector v6 = fromMemorySegment(FLOATS, MEMORY, from + 6L * BYTES, ORDER);
    FloatVector v7 = fromMemorySegment(FLOATS, MEMORY, from + 7L * BYTES, ORDER);
    FloatVector v8 = fromMemorySegment(FLOATS, MEMORY, from + 8L * BYTES, ORDER);
    FloatVector v9 = fromMemorySegment(FLOATS, MEMORY, from + 9L * BYTES, ORDER);
    FloatVector v10 = fromMemorySegment(FLOATS, MEMORY, from + 10L * BYTES, ORDER);
    FloatVector v11 = fromMemorySegment(FLOATS, MEMORY, from + 11L * BYTES, ORDER);
    FloatVector v12 = fromMemorySegment(FLOATS, MEMORY, from + 12L * BYTES, ORDER);
    FloatVector v13 = fromMemorySegment(FLOATS, MEMORY, from + 13L * BYTES, ORDER);
    FloatVector v14 = fromMemorySegment(FLOATS, MEMORY, from + 14L * BYTES, ORDER);
    FloatVector v15 = fromMemorySegment(FLOATS, MEMORY, from + 15L * BYTES, ORDER);
    v0 = v0.blend(v8, UPPER_8).add(v8.blend(v0, UPPER_8).rearrange(SWAP_8));
    v1 = v1.blend(v9, UPPER_8).add(v9.blend(v1, UPPER_8).rearrange(SWAP_8));
    v2 = v2.blend(v10, UPPER_8).add(v10.blend(v2, UPPER_8).rearrange(SWAP_8));
    v3 = v3.blend(v11, UPPER_8).add(v11.blend(v3, UPPER_8).rearrange(SWAP_8));
    v4 = v4.blend(v12, UPPER_8).add(v12.blend(v4, UPPER_8).rearrange(SWAP_8));
    v5 = v5.blend(v13, UPPER_8).add(v13.blend(v5, UPPER_8).rearrange(SWAP_8));
    v6 = v6.blend(v14, UPPER_8).add(v14.blend(v6, UPPER_8).rearrange(SWAP_8));
    v7 = v7.blend(v15, UPPER_8).add(v15.blend(v7, UPPER_8).rearrange(SWAP_8));
    v0 = v0.blend(v4, UPPER_4).add(v4.blend(v0, UPPER_4).rearrange(SWAP_4));
    v1 = v1.blend(v5, UPPER_4).add(v5.blend(v1, UPPER_4).rearrange(SWAP_4));
    v2 = v2.blend(v6, UPPER_4).add(v6.blend(v2, UPPER_4).rearrange(SWAP_4));
    v3 = v3.blend(v7, UPPER_4).add(v7.blend(v3, UPPER_4).rearrange(SWAP_4));
    v0 = v0.blend(v2, UPPER_2).add(v2.blend(v0, UPPER_2).rearrange(SWAP_2));
    v1 = v1.blend(v3, UPPER_2).add(v3.blend(v1, UPPER_2).rearrange(SWAP_2));
    v0 = v0.blend(v1, UPPER_1).add(v1.blend(v0, UPPER_1).rearrange(SWAP_1));
    v0.intoMemorySegment(MEMORY, to, ORDER);
  }

  private static void reduceEight(long to, long from) {
    FloatVector v0 = fromMemorySegment(FLOATS, MEMORY, from, ORDER);
    FloatVector v1 = fromMemorySegment(FLOATS, MEMORY, from + 1L * BYTES, ORDER);
    FloatVector v2 = fromMemorySegment(FLOATS, MEMORY, from + 2L * BYTES, ORDER);
    FloatVector v3 = fromMemorySegment(FLOATS, MEMORY, from + 3L * BYTES, ORDER);
    FloatVector v4 = fromMemorySegment(FLOATS, MEMORY, from + 4L * BYTES, ORDER);
    FloatVector v5 = fromMemorySegment(FLOATS, MEMORY, from + 5L * BYTES, ORDER);
    FloatVector v6 = fromMemorySegment(FLOATS, MEMORY, from + 6L * BYTES, ORDER);
    FloatVector v7 = fromMemorySegment(FLOATS, MEMORY, from + 7L * BYTES, ORDER);
    v0 = v0.blend(v4, UPPER_4).add(v4.blend(v0, UPPER_4).rearrange(SWAP_4));
    v1 = v1.blend(v5, UPPER_4).add(v5.blend(v1, UPPER_4).rearrange(SWAP_4));
    v2 = v2.blend(v6, UPPER_4).add(v6.blend(v2, UPPER_4).rearrange(SWAP_4));
    v3 = v3.blend(v7, UPPER_4).add(v7.blend(v3, UPPER_4).rearrange(SWAP_4));
    v0 = v0.blend(v2, UPPER_2).add(v2.blend(v0, UPPER_2).rearrange(SWAP_2));
    v1 = v1.blend(v3, UPPER_2).add(v3.blend(v1, UPPER_2).rearrange(SWAP_2));
    v0 = v0.blend(v1, UPPER_1).add(v1.blend(v0, UPPER_1).rearrange(SWAP_1));
    v0.intoMemorySegment(MEMORY, to, ORDER);
  }

  /**
   * The sum of the lanes of one vector in memory, by the same tree. (A vector as an argument
   * becomes an object wherever this is not inlined.)
   */
  static float sum(long address) {
    FloatVector v = Simd.load(address);
    if (STAGES == 4) {
      v = v.add(v.rearrange(SWAP_8));
    }
    v = v.add(v.rearrange(SWAP_4));
    v = v.add(v.rearrange(SWAP_2));
    return v.add(v.rearrange(SWAP_1)).lane(0);
  }
}
