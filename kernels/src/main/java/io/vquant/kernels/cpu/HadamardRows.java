package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;

import io.vquant.kernels.quant.HadamardTransform;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * {@link HadamardTransform} of rows of a multiple of 16 channels, bit for bit. Within a vector a
 * butterfly is {@code swapped + x} in the lower lane of a pair and {@code swapped - x} in the
 * upper: one addition of x with the sign turned there.
 */
final class HadamardRows {

  private static final int STAGES = Integer.numberOfTrailingZeros(LANES);
  private static final VectorShuffle<Float> SWAP_1 = swapped(1);
  private static final VectorShuffle<Float> SWAP_2 = swapped(2);
  private static final VectorShuffle<Float> SWAP_4 = swapped(4);
  private static final VectorShuffle<Float> SWAP_8 = swapped(LANES > 8 ? 8 : 4);
  private static final float[] SIGNS = signs();

  private final int[] blocks;

  HadamardRows(HadamardTransform transform) {
    blocks = transform.blocks();
  }

  /** Transforms {@code rows} rows from element {@code from} on, in place. */
  void apply(float[] elements, int from, int rows) {
    int at = from;
    for (int row = 0; row < rows; row++) {
      for (int size : blocks) {
        withinVectors(elements, at, size);
        acrossVectors(elements, at, size);
        at += size;
      }
    }
  }

  private static void withinVectors(float[] elements, int from, int size) {
    FloatVector sign1 = FloatVector.fromArray(FLOATS, SIGNS, 0);
    FloatVector sign2 = FloatVector.fromArray(FLOATS, SIGNS, LANES);
    FloatVector sign4 = FloatVector.fromArray(FLOATS, SIGNS, 2 * LANES);
    for (int i = from; i < from + size; i += LANES) {
      FloatVector x = FloatVector.fromArray(FLOATS, elements, i);
      x = x.rearrange(SWAP_1).add(x.mul(sign1));
      x = x.rearrange(SWAP_2).add(x.mul(sign2));
      x = x.rearrange(SWAP_4).add(x.mul(sign4));
      if (STAGES == 4) {
        x = x.rearrange(SWAP_8).add(x.mul(FloatVector.fromArray(FLOATS, SIGNS, 3 * LANES)));
      }
      x.intoArray(elements, i);
    }
  }

  private static void acrossVectors(float[] elements, int from, int size) {
    for (int h = LANES; h < size; h *= 2) {
      for (int start = from; start < from + size; start += 2 * h) {
        for (int i = start; i < start + h; i += LANES) {
          FloatVector a = FloatVector.fromArray(FLOATS, elements, i);
          FloatVector b = FloatVector.fromArray(FLOATS, elements, i + h);
          a.add(b).intoArray(elements, i);
          a.sub(b).intoArray(elements, i + h);
        }
      }
    }
    float factor = HadamardTransform.normalization(size);
    for (int i = from; i < from + size; i += LANES) {
      FloatVector.fromArray(FLOATS, elements, i).mul(factor).intoArray(elements, i);
    }
  }

  private static float[] signs() {
    float[] signs = new float[STAGES * LANES];
    for (int stage = 0; stage < STAGES; stage++) {
      for (int i = 0; i < LANES; i++) {
        signs[stage * LANES + i] = (i >> stage & 1) == 0 ? 1f : -1f;
      }
    }
    return signs;
  }

  private static VectorShuffle<Float> swapped(int bit) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = i ^ bit;
    }
    return VectorShuffle.fromArray(FLOATS, lanes, 0);
  }
}
