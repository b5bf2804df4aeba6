package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.quant.Float16;
import io.vquant.kernels.quant.GroupQuantizer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link GroupQuantizer} for as many groups at once as a vector has lanes, one group a lane, bit
 * for bit: element i of all of them stands at {@code elements + i * stride}. The order of the sums
 * then costs no horizontal operation, and does not depend on the width of vectors.
 */
final class GroupFit {

  /** Partial sums that the order of {@link GroupQuantizer} keeps apart. */
  private static final int PARTIALS = 16;

  // Vectors at `slots`: partial sums, then these. Steps hand each other vectors through memory: as
  // arguments of methods that the compiler does not inline they would be objects.
  private static final int LOW = PARTIALS;
  private static final int RANGE = PARTIALS + 1;
  private static final int SUM = PARTIALS + 2;
  private static final int SCALE = PARTIALS + 3;
  private static final int ZERO = PARTIALS + 4;
  private static final int BEST_ERROR = PARTIALS + 5;
  private static final int INVERSE_STEP = PARTIALS + 6;
  private static final int CODE_SUM = PARTIALS + 7;
  private static final int CODE_SQUARES = PARTIALS + 8;
  private static final int SLOTS = PARTIALS + 9;

  /** Bytes of working memory. */
  static final long SLOTS_BYTE_SIZE = (long) SLOTS * BYTES;

  private final long slots;
  private final int maxCode;
  private final float[] coverages;

  private long elements;
  private long stride;
  private int length;
  private long excluded;
  private int count;

  /**
   * For codes of this width.
   *
   * @param slots address of {@link #SLOTS_BYTE_SIZE} bytes
   */
  GroupFit(CodeBits bits, long slots) {
    this.slots = slots;
    maxCode = bits.maxCode();
    coverages = GroupQuantizer.coverages(bits);
  }

  /**
   * Writes one vector of scales and one of zeros, F32 that FP16 holds.
   *
   * @param length elements a group, a multiple of 16 up to 256
   * @param excluded bit i leaves element i out of all groups; 0 when there are more than 64
   */
  void fit(long scales, long zeros, long elements, long stride, int length, long excluded) {
    this.elements = elements;
    this.stride = stride;
    this.length = length;
    this.excluded = excluded;
    count = length - Long.bitCount(excluded);
    if (count == 0) {
      store(FloatVector.zero(FLOATS), scales);
      store(FloatVector.zero(FLOATS), zeros);
      return;
    }
    measureRange();
    measureSum();
    for (int i = 0; i < coverages.length; i++) {
      refine(coverages[i]);
      if (coverages.length > 1) {
        keepBetter(scales, zeros, i == 0);
      } else {
        store(slot(SCALE), scales);
        store(slot(ZERO), zeros);
      }
    }
  }

  private boolean includes(int index) {
    return index >= Long.SIZE || ((excluded >>> index) & 1) == 0;
  }

  private FloatVector slot(int index) {
    return load(slots + (long) index * BYTES);
  }

  private void setSlot(int index, FloatVector vector) {
    store(vector, slots + (long) index * BYTES);
  }

  private FloatVector element(int index) {
    return load(elements + index * stride);
  }

  private void measureRange() {
    FloatVector low = FloatVector.broadcast(FLOATS, Float.POSITIVE_INFINITY);
    FloatVector high = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < length; i++) {
      if (includes(i)) {
        FloatVector x = element(i);
        low = x.min(low);
        high = x.max(high);
      }
    }
    low = low.add(0f);
    high = high.add(0f);
    setSlot(LOW, low);
    setSlot(RANGE, high.sub(low));
  }

  private void measureSum() {
    FloatVector low = slot(LOW);
    for (int lane = 0; lane < PARTIALS; lane++) {
      FloatVector partial = FloatVector.zero(FLOATS);
      for (int i = lane; i < length; i += PARTIALS) {
        if (includes(i)) {
          partial = element(i).sub(low).add(partial);
        }
      }
      setSlot(lane, partial);
    }
    addPartials();
    setSlot(SUM, slot(0));
  }

  /** The tree over the distances 8, 4, 2, 1: the sum ends in slot 0. */
  private void addPartials() {
    for (int distance = PARTIALS / 2; distance > 0; distance /= 2) {
      for (int i = 0; i < distance; i++) {
        setSlot(i, slot(i).add(slot(i + distance)));
      }
    }
  }

  private void refine(float coverage) {
    FloatVector range = slot(RANGE);
    FloatVector step = range.mul(coverage / maxCode);
    FloatVector middle = range.fma(FloatVector.broadcast(FLOATS, 0.5f), slot(LOW));
    FloatVector first = step.fma(FloatVector.broadcast(FLOATS, -0.5f * maxCode), middle);
    VectorMask<Float> hasStep = range.compare(VectorOperators.GT, GroupQuantizer.SMALLEST_HALF);
    FloatVector zero = FloatVector.zero(FLOATS);
    setSlot(INVERSE_STEP, zero.blend(FloatVector.broadcast(FLOATS, 1f).div(step), hasStep));
    setSlot(ZERO, first);
    refit();
    for (int round = 1; round < GroupQuantizer.ROUNDS; round++) {
      setSlot(INVERSE_STEP, GroupCodes.inverse(slot(SCALE)));
      refit();
    }
  }

  private void refit() {
    FloatVector inverseStep = slot(INVERSE_STEP);
    FloatVector first = slot(ZERO);
    FloatVector low = slot(LOW);
    // At most 255^2 * 256 < 2^24: floats sum codes and their squares exactly.
    FloatVector codeSum = FloatVector.zero(FLOATS);
    FloatVector codeSquares = codeSum;
    for (int lane = 0; lane < PARTIALS; lane++) {
      FloatVector partial = FloatVector.zero(FLOATS);
      for (int i = lane; i < length; i += PARTIALS) {
        if (includes(i)) {
          FloatVector x = element(i);
          FloatVector code = GroupCodes.code(x, inverseStep, first, maxCode);
          codeSum = code.add(codeSum);
          codeSquares = code.fma(code, codeSquares);
          partial = code.fma(x.sub(low), partial);
        }
      }
      setSlot(lane, partial);
    }
    setSlot(CODE_SUM, codeSum);
    setSlot(CODE_SQUARES, codeSquares);
    addPartials();
    solve();
  }

  private void solve() {
    FloatVector codeSum = slot(CODE_SUM);
    FloatVector codeSquares = slot(CODE_SQUARES);
    FloatVector products = slot(0);
    IntVector sums = (IntVector) codeSum.convert(VectorOperators.F2I, 0);
    IntVector squares = (IntVector) codeSquares.convert(VectorOperators.F2I, 0);
    IntVector wrapped = squares.mul(count).sub(sums.mul(sums));
    FloatVector determinant = (FloatVector) wrapped.convert(VectorOperators.I2F, 0);
    FloatVector sum = slot(SUM);
    FloatVector numerator =
        FloatVector.broadcast(FLOATS, count).fma(products, codeSum.mul(sum).neg());
    FloatVector slope = numerator.div(determinant);
    VectorMask<Float> rises =
        determinant.compare(VectorOperators.GT, 0f).and(slope.compare(VectorOperators.GT, 0f));
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector scale = zero.blend(HalfRounding.round(slope.min(Float16.MAX_VALUE)), rises);
    FloatVector rest = scale.neg().fma(codeSum, sum).div(count);
    FloatVector first = slot(LOW).add(rest).min(Float16.MAX_VALUE).max(-Float16.MAX_VALUE);
    setSlot(SCALE, scale);
    setSlot(ZERO, HalfRounding.round(first));
  }

  private void keepBetter(long scales, long zeros, boolean isFirst) {
    sumSquaredErrors();
    FloatVector error = slot(0);
    FloatVector scale = slot(SCALE);
    FloatVector zero = slot(ZERO);
    if (!isFirst) {
      FloatVector best = slot(BEST_ERROR);
      VectorMask<Float> better = error.compare(VectorOperators.LT, best);
      error = best.blend(error, better);
      scale = load(scales).blend(scale, better);
      zero = load(zeros).blend(zero, better);
    }
    setSlot(BEST_ERROR, error);
    store(scale, scales);
    store(zero, zeros);
  }

  /** Leaves the sums in slot 0. */
  private void sumSquaredErrors() {
    FloatVector scale = slot(SCALE);
    FloatVector zero = slot(ZERO);
    FloatVector inverse = GroupCodes.inverse(scale);
    for (int lane = 0; lane < PARTIALS; lane++) {
      FloatVector partial = FloatVector.zero(FLOATS);
      for (int i = lane; i < length; i += PARTIALS) {
        if (includes(i)) {
          FloatVector x = element(i);
          FloatVector code = GroupCodes.code(x, inverse, zero, maxCode);
          FloatVector error = x.sub(scale.fma(code, zero));
          partial = error.fma(error, partial);
        }
      }
      setSlot(lane, partial);
    }
    addPartials();
  }
}
