package io.vquant.engine.sampling;

import java.util.Arrays;

/**
 * Finds the value down to which the largest values have to be taken until there are enough of them,
 * by count or by mass. Three passes over histograms of the bits of the values, most significant
 * first: linear time whatever the values are, no sorting, nothing allocated.
 */
final class RadixThreshold {
  private static final int[] SHIFTS = {21, 10, 0};
  private static final int[] WIDTHS = {11, 11, 10};

  private final double[] histogram = new double[1 << 11];
  private int key;
  private double massOfEquals;

  /** A float's bits so that unsigned order of keys is the order of the values. */
  static int keyOf(float value) {
    int bits = Float.floatToRawIntBits(value);
    return bits ^ ((bits >> 31) | Integer.MIN_VALUE);
  }

  /** The key of the lowest value taken. */
  int key() {
    return key;
  }

  /** How much of the values equal to the lowest one is needed. */
  double massOfEquals() {
    return massOfEquals;
  }

  /** Takes the {@code count} largest of the first {@code size} values. */
  void findForCount(float[] values, int size, int count) {
    start(count);
    for (int pass = 0; pass < SHIFTS.length; pass++) {
      int fixedBits = fixedBits(pass);
      for (int i = 0; i < size; i++) {
        int candidate = keyOf(values[i]);
        if (((candidate ^ key) & fixedBits) == 0) {
          histogram[digit(candidate, pass)] += 1;
        }
      }
      fixDigit(pass);
    }
  }

  /** Takes the largest of the first {@code size} values until their masses sum to the target. */
  void findForMass(float[] values, float[] masses, int size, double target) {
    start(target);
    for (int pass = 0; pass < SHIFTS.length; pass++) {
      int fixedBits = fixedBits(pass);
      for (int i = 0; i < size; i++) {
        int candidate = keyOf(values[i]);
        if (((candidate ^ key) & fixedBits) == 0) {
          histogram[digit(candidate, pass)] += masses[i];
        }
      }
      fixDigit(pass);
    }
  }

  private void start(double target) {
    key = 0;
    massOfEquals = target;
    Arrays.fill(histogram, 0);
  }

  /** Chooses the digit in which the target is reached, and clears the histogram. */
  private void fixDigit(int pass) {
    int lowestWithMass = -1;
    for (int digit = (1 << WIDTHS[pass]) - 1; digit >= 0; digit--) {
      double mass = histogram[digit];
      if (mass > 0) {
        if (lowestWithMass >= 0) {
          massOfEquals -= histogram[lowestWithMass];
        }
        lowestWithMass = digit;
        if (mass >= massOfEquals) {
          break;
        }
      }
    }
    // Not reached at all when the target, summed in another order, is a rounding error too large:
    // then the lowest digit is the right one.
    key |= Math.max(lowestWithMass, 0) << SHIFTS[pass];
    Arrays.fill(histogram, 0);
  }

  private static int fixedBits(int pass) {
    return pass == 0 ? 0 : -1 << SHIFTS[pass - 1];
  }

  private static int digit(int key, int pass) {
    return (key >>> SHIFTS[pass]) & ((1 << WIDTHS[pass]) - 1);
  }
}
