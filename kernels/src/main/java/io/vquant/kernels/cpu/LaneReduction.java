package io.vquant.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Sums the lanes of as many accumulators as there are lanes, in one fixed tree (distance lanes / 2,
 * ..., 2, 1), all of them together. The order does not depend on the compiler, unlike that of
 * {@code reduceLanes}.
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
   * In place: the first of {@code LANES} vectors at {@code accumulators} becomes the vector of
   * their sums, lane i the sum of accumulator i. The others are overwritten.
   */
  static void reduce(long accumulators) {
    if (STAGES == 4) {
      merge(accumulators, 8, UPPER_8, SWAP_8);
    }
    merge(accumulators, 4, UPPER_4, SWAP_4);
    merge(accumulators, 2, UPPER_2, SWAP_2);
    merge(accumulators, 1, UPPER_1, SWAP_1);
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

  /** Halves the number of vectors: each pair shares one, with half as many partial sums each. */
  private static void merge(
      long vectors, int half, VectorMask<Float> upper, VectorShuffle<Float> swap) {
    for (int i = 0; i < half; i++) {
      FloatVector a = Simd.load(vectors + (long) i * Simd.BYTES);
      FloatVector b = Simd.load(vectors + (long) (i + half) * Simd.BYTES);
      FloatVector kept = a.blend(b, upper);
      FloatVector moved = b.blend(a, upper).rearrange(swap);
      Simd.store(kept.add(moved), vectors + (long) i * Simd.BYTES);
    }
  }
}
