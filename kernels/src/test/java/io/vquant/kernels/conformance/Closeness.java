package io.vquant.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.function.Supplier;

/** Compares results, elementwise. */
final class Closeness {
  private Closeness() {}

  /** {@code |actual - exact| <= tolerance}; NaN is never close. */
  static void assertWithin(
      Supplier<String> what, float[] actual, double[] exact, double[] tolerance) {
    assertThat(actual).as(what).hasSameSizeAs(exact);
    for (int i = 0; i < actual.length; i++) {
      // Written so that a NaN on either side fails.
      if (!(Math.abs(actual[i] - exact[i]) <= tolerance[i])) {
        fail(
            "%s, element %d: %s, expected %s within %s",
            what.get(), i, actual[i], exact[i], tolerance[i]);
      }
    }
  }

  /** The same bits, so that 0 and -0 differ. */
  static void assertSameBits(Supplier<String> what, float[] actual, float[] expected) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      if (Float.floatToRawIntBits(actual[i]) != Float.floatToRawIntBits(expected[i])) {
        fail("%s, element %d: %s, expected the bits of %s", what.get(), i, actual[i], expected[i]);
      }
    }
  }
}
