package io.vquant.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** {@link io.vquant.kernels.quant.Float16#round} of values up to 65504 in magnitude. */
final class HalfRounding {

  private static final int SIGN = 0x80000000;
  private static final int DROPPED = 13;
  private static final int KEPT = -1 << DROPPED;
  private static final int BELOW_TIE = (1 << (DROPPED - 1)) - 1;
  private static final float SMALLEST_NORMAL = 0x1p-14f;

  private HalfRounding() {}

  static FloatVector round(FloatVector value) {
    IntVector bits = value.reinterpretAsInts();
    IntVector sign = bits.and(SIGN);
    FloatVector magnitude = value.abs();
    IntVector whole = magnitude.reinterpretAsInts();
    IntVector odd = whole.lanewise(VectorOperators.LSHR, DROPPED).and(1);
    IntVector normal = whole.add(BELOW_TIE).add(odd).and(KEPT);
    // Floats from 0.5 to 1 stand 2^-24 apart, as subnormal halves do: the addition rounds.
    IntVector subnormal = magnitude.add(0.5f).sub(0.5f).reinterpretAsInts();
    VectorMask<Integer> isSmall =
        magnitude.compare(VectorOperators.LT, SMALLEST_NORMAL).cast(Simd.INTS);
    return normal.blend(subnormal, isSmall).or(sign).reinterpretAsFloats();
  }
}
