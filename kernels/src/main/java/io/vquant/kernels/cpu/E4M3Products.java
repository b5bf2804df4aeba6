package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.quant.Float8E4M3;
import io.vquant.kernels.quant.TruncatedSum;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products of E4M3 weights and values in the accumulator of {@link TruncatedSum}, lanes along the
 * channels: the same bits as the scalar code, some thirty times as fast.
 */
final class E4M3Products {

  private static final int TILE = AttentionPrecision.TILE;

  /** Half a step of 3 fraction bits, less one. */
  private static final int HALF_STEP = 0x7ffff;

  private static final int DROPPED_BITS = 20;
  private static final int KEPT = -(1 << DROPPED_BITS);
  private static final float SMALLEST_NORMAL = 0x1p-6f;

  /** Floats from here on stand 2^-9 apart, as subnormal E4M3 values do. */
  private static final float ROUNDER = 0x1p14f;

  private static final int EXPONENT = 0x7f800000;
  private static final int FRACTION_BITS = TruncatedSum.FRACTION_BITS;

  /** The biased exponent of 2^-100, as {@link TruncatedSum} has it. */
  private static final int SMALLEST_EXPONENT = 27 << 23;

  private static final int TRUNCATED = -(1 << (23 - FRACTION_BITS));

  private E4M3Products() {}

  /** Rounds 64 weights, 0 to 1, times 448 to E4M3 values, in place. */
  static void roundWeights(float[] weights, int first) {
    for (int i = first; i < first + TILE; i += LANES) {
      FloatVector x = FloatVector.fromArray(FLOATS, weights, i).mul(Float8E4M3.MAX_VALUE);
      x = x.min(Float8E4M3.MAX_VALUE);
      IntVector bits = x.reinterpretAsInts();
      IntVector odd = bits.lanewise(VectorOperators.LSHR, DROPPED_BITS).and(1);
      FloatVector normal = bits.add(odd).add(HALF_STEP).and(KEPT).reinterpretAsFloats();
      FloatVector subnormal = x.add(ROUNDER).sub(ROUNDER);
      normal.blend(subnormal, x.compare(VectorOperators.LT, SMALLEST_NORMAL)).intoArray(weights, i);
    }
  }

  /**
   * out = the sums of 64 rounded weights times 64 rows of E4M3 values, row by row.
   *
   * @param out {@code [rows, vectors]}
   * @param weights {@code [rows, 64]}
   * @param values {@code [64, vectors]}
   */
  static void multiply(long out, int rows, float[] weights, long values, int vectors) {
    long stride = (long) vectors * BYTES;
    for (int row = 0; row < rows; row++) {
      for (int v = 0; v < vectors; v++) {
        long at = (long) v * BYTES;
        sumTile(out + row * stride + at, weights, row * TILE, values + at, stride);
      }
    }
  }

  private static void sumTile(long out, float[] weights, int first, long values, long stride) {
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int half = 0; half < TILE; half += TruncatedSum.PRODUCTS) {
      int end = half + TruncatedSum.PRODUCTS;
      FloatVector largest = sum.abs();
      for (int t = half; t < end; t++) {
        FloatVector product = load(values + t * stride).mul(weights[first + t]);
        largest = product.abs().max(largest);
      }
      IntVector exponent = largest.reinterpretAsInts().and(EXPONENT).max(SMALLEST_EXPONENT);
      FloatVector unitsPerOne =
          exponent.neg().add((254 + FRACTION_BITS) << 23).reinterpretAsFloats();
      IntVector units = truncated(sum.mul(unitsPerOne));
      for (int t = half; t < end; t++) {
        FloatVector product = load(values + t * stride).mul(weights[first + t]);
        units = truncated(product.mul(unitsPerOne)).add(units);
      }
      FloatVector unit = exponent.sub(FRACTION_BITS << 23).reinterpretAsFloats();
      FloatVector total = (FloatVector) units.convertShape(VectorOperators.I2F, FLOATS, 0);
      sum = total.mul(unit).reinterpretAsInts().and(TRUNCATED).reinterpretAsFloats();
    }
    store(sum, out);
  }

  private static IntVector truncated(FloatVector v) {
    return (IntVector) v.convertShape(VectorOperators.F2I, INTS, 0);
  }
}
