package io.vquant.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * IEEE half precision pairs to floats, exact for every pattern. Sign aside, the bits of a half,
 * moved up by 13, are those of the float with the exponent 112 too low; one multiplication by 2^112
 * mends it, for subnormals as well. Infinities and NaN get the largest exponent afterwards.
 */
final class F16Pairs {

  private static final int MAGNITUDE = 0x7fff;
  private static final int SIGN = 0x80000000;
  private static final int INFINITY = 0x7c00;
  private static final int FLOAT_EXPONENT = 0x7f800000;
  private static final float REBIAS = 0x1p112f;

  private F16Pairs() {}

  /** The even elements: lower halves. */
  static FloatVector even(IntVector pairs) {
    return toFloats(pairs.and(MAGNITUDE), pairs.lanewise(VectorOperators.LSHL, 16).and(SIGN));
  }

  /** The odd elements: upper halves. */
  static FloatVector odd(IntVector pairs) {
    return toFloats(pairs.lanewise(VectorOperators.LSHR, 16).and(MAGNITUDE), pairs.and(SIGN));
  }

  private static FloatVector toFloats(IntVector magnitude, IntVector sign) {
    IntVector moved = magnitude.lanewise(VectorOperators.LSHL, 13);
    IntVector scaled = moved.reinterpretAsFloats().mul(REBIAS).reinterpretAsInts();
    VectorMask<Integer> special = magnitude.compare(VectorOperators.GE, INFINITY);
    return scaled.blend(moved.or(FLOAT_EXPONENT), special).or(sign).reinterpretAsFloats();
  }
}
