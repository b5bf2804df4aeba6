package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** {@link io.vquant.kernels.quant.AffineGrid#code} in lanes; codes as floats. */
final class GroupCodes {

  /** Floats from here on are whole: adding it rounds to nearest even, as {@code rint} does. */
  static final float WHOLE = 0x1p23f;

  private GroupCodes() {}

  /** {@code 1 / step}; 0 for a step of 0. */
  static FloatVector inverse(FloatVector step) {
    VectorMask<Float> positive = step.compare(VectorOperators.GT, 0f);
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    return FloatVector.zero(FLOATS).blend(one.div(step), positive);
  }

  /** The code, plus 2^23: its lower bits are the code as an integer. */
  static FloatVector shiftedCode(
      FloatVector x, FloatVector inverseStep, FloatVector first, int maxCode) {
    return x.sub(first).mul(inverseStep).min((float) maxCode).max(0f).add(WHOLE);
  }

  static FloatVector code(FloatVector x, FloatVector inverseStep, FloatVector first, int maxCode) {
    return shiftedCode(x, inverseStep, first, maxCode).sub(WHOLE);
  }
}
