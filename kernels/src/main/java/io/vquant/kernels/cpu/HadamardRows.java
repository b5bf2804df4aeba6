package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.HadamardTransform;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** {@link HadamardTransform} of rows in memory, with the same bits. */
final class HadamardRows {

  private static final VectorShuffle<Float> SWAP_1 = swapped(1);
  private static final VectorShuffle<Float> SWAP_2 = swapped(2);
  private static final VectorShuffle<Float> SWAP_4 = swapped(4);
  private static final VectorShuffle<Float> SWAP_8 = swapped(8);
  private static final FloatVector SIGN_1 = signs(1);
  private static final FloatVector SIGN_2 = signs(2);
  private static final FloatVector SIGN_4 = signs(4);
  private static final FloatVector SIGN_8 = signs(8);

  private final int headDim;
  private final int[] blocks;

  /**
   * @param headDim channels of a row; a multiple of 16
   */
  HadamardRows(int headDim) {
    if (headDim < 16 || headDim % 16 != 0) {
      throw new IllegalArgumentException("headDim " + headDim + ": expected a multiple of 16");
    }
    this.headDim = headDim;
    blocks = new HadamardTransform(headDim).blocks();
  }

  /** Partner of each lane at distance {@code bit}; itself where vectors are shorter. */
  private static VectorShuffle<Float> swapped(int bit) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = bit < LANES ? i ^ bit : i;
    }
    return VectorShuffle.fromArray(FLOATS, lanes, 0);
  }

  /** -1 for the lanes that are subtracted. */
  private static FloatVector signs(int bit) {
    float[] lanes = new float[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = (i & bit) == 0 ? 1 : -1;
    }
    return FloatVector.fromArray(FLOATS, lanes, 0);
  }

  /**
   * Transforms rows in place.
   *
   * @param address of the first row's channel 0, F32
   * @param byteStride from row to row
   */
  void apply(long address, long byteStride, int rows) {
    for (int row = 0; row < rows; row++) {
      long block = address + row * byteStride;
      for (int size : blocks) {
        transform(block, size, HadamardTransform.normalization(size));
        block += (long) size * Float.BYTES;
      }
    }
  }

  int headDim() {
    return headDim;
  }

  /** Distances below a vector's length first, then the others, then the factor. */
  private static void transform(long block, int size, float factor) {
    long end = block + (long) size * Float.BYTES;
    for (long at = block; at < end; at += BYTES) {
      FloatVector v = load(at);
      v = v.fma(SIGN_1, v.rearrange(SWAP_1)); // the product is exact: a sum, rounded once
      v = v.fma(SIGN_2, v.rearrange(SWAP_2));
      v = v.fma(SIGN_4, v.rearrange(SWAP_4));
      if (LANES == 16) {
        v = v.fma(SIGN_8, v.rearrange(SWAP_8));
      }
      store(v, at);
    }
    for (long distance = BYTES; distance < end - block; distance *= 2) {
      acrossVectors(block, end, distance);
    }
    for (long at = block; at < end; at += BYTES) {
      store(load(at).mul(factor), at);
    }
  }

  private static void acrossVectors(long block, long end, long distance) {
    for (long start = block; start < end; start += 2 * distance) {
      for (long at = start; at < start + distance; at += BYTES) {
        FloatVector a = load(at);
        FloatVector b = load(at + distance);
        store(a.add(b), at);
        store(a.sub(b), at + distance);
      }
    }
  }
}
