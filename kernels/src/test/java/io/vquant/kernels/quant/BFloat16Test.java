package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.math.BigDecimal;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BFloat16Test {

  @Test
  void everyPatternWidensByItsFields() {
    for (int bits = 0; bits <= 0xffff; bits++) {
      float actual = BFloat16.toFloat((short) bits);
      int exponent = (bits >> 7) & 0xff;
      int fraction = bits & 0x7f;
      double sign = bits >> 15 == 0 ? 1 : -1;
      if (exponent == 0xff) {
        assertThat(Float.isNaN(actual)).as("%04x", bits).isEqualTo(fraction != 0);
        assertThat(Float.isInfinite(actual)).as("%04x", bits).isEqualTo(fraction == 0);
      } else {
        double magnitude =
            exponent == 0
                ? Math.scalb((double) fraction, -133)
                : Math.scalb(128.0 + fraction, exponent - 127 - 7);
        assertThat((double) actual).as("%04x", bits).isEqualTo(sign * magnitude);
      }
    }
  }

  @Test
  void everyPatternSurvivesTheWayThere() {
    for (int bits = 0; bits <= 0xffff; bits++) {
      short pattern = (short) bits;
      short back = BFloat16.fromFloat(BFloat16.toFloat(pattern));
      boolean signallingNaN = (bits & 0x7fff) > 0x7f80 && (bits & 0x40) == 0;
      short expected = signallingNaN ? (short) (bits | 0x40) : pattern;
      assertThat(back).as("%04x", bits).isEqualTo(expected);
    }
  }

  @Test
  void midpointsOfAllNeighboursGoToTheEvenOne() {
    // 0x7f7f is the largest finite pattern; its midpoint with infinity goes to infinity.
    for (int bits = 0; bits <= 0x7f7f; bits++) {
      int midpoint = (bits << 16) | 0x8000;
      int even = (bits & 1) == 0 ? bits : bits + 1;
      for (int sign : new int[] {0, 0x8000}) {
        int signBit = sign << 16;
        assertRounds(midpoint | signBit, even | sign);
        assertRounds((midpoint - 1) | signBit, bits | sign);
        assertRounds((midpoint + 1) | signBit, (bits + 1) | sign);
      }
    }
  }

  private static void assertRounds(int floatBits, int expected) {
    short rounded = BFloat16.fromFloat(Float.intBitsToFloat(floatBits));
    if (rounded != (short) expected) {
      fail("float bits %08x: %04x, expected %04x", floatBits, rounded, (short) expected);
    }
  }

  @Test
  void anyValueGoesToTheNearest() {
    long seed = 20260101;
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 20_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt());
      if (!Float.isFinite(value) || Math.abs(value) > 0x1.fep127f) {
        continue;
      }
      short rounded = BFloat16.fromFloat(value);
      BigDecimal distance = distance(value, rounded);
      assertThat(distance)
          .as("%s, seed %d", value, seed)
          .isLessThanOrEqualTo(distance(value, (short) (rounded + 1)))
          .isLessThanOrEqualTo(distance(value, (short) (rounded - 1)));
    }
  }

  private static BigDecimal distance(float value, short bits) {
    float neighbour = BFloat16.toFloat(bits);
    // Beyond the largest number lies 2^128, for the sake of distance.
    BigDecimal other =
        Float.isFinite(neighbour)
            ? new BigDecimal(neighbour)
            : new BigDecimal(Math.copySign(0x1p128, value));
    return new BigDecimal(value).subtract(other).abs();
  }

  @ParameterizedTest
  @CsvSource({
    "NaN, 7fc0",
    "Infinity, 7f80",
    "-Infinity, ff80",
    "3.4028235e38, 7f80",
    "-3.4028235e38, ff80",
    "0, 0000",
    "-0, 8000",
    "1.4e-45, 0000",
    "-1.4e-45, 8000",
    "1.00390625, 3f80",
    "1.01171875, 3f82"
  })
  void specialValues(float value, String expected) {
    assertThat("%04x".formatted(BFloat16.fromFloat(value))).isEqualTo(expected);
  }

  @Test
  void aNaNWhosePayloadLiesInTheLowerHalfStaysNaN() {
    for (int bits : new int[] {0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff}) {
      float back = BFloat16.toFloat(BFloat16.fromFloat(Float.intBitsToFloat(bits)));
      assertThat(back).as("%08x", bits).isNaN();
    }
  }
}
