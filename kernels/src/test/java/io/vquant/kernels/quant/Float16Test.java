package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Float16Test {

  @Test
  void everyPatternWidensByItsFields() {
    for (int bits = 0; bits <= 0xffff; bits++) {
      float actual = Float16.toFloat((short) bits);
      int exponent = (bits >> 10) & 0x1f;
      int fraction = bits & 0x3ff;
      double sign = bits >> 15 == 0 ? 1 : -1;
      if (exponent == 0x1f) {
        assertThat(Float.isNaN(actual)).as("%04x", bits).isEqualTo(fraction != 0);
        assertThat(Float.isInfinite(actual)).as("%04x", bits).isEqualTo(fraction == 0);
      } else {
        double magnitude =
            exponent == 0
                ? Math.scalb((double) fraction, -24)
                : Math.scalb(1024.0 + fraction, exponent - 15 - 10);
        assertThat((double) actual).as("%04x", bits).isEqualTo(sign * magnitude);
      }
      assertThat(Float.floatToRawIntBits(actual) >>> 31).as("%04x", bits).isEqualTo(bits >> 15);
    }
  }

  @Test
  void everyPatternSurvivesTheWayThere() {
    for (int bits = 0; bits <= 0xffff; bits++) {
      boolean signallingNaN = (bits & 0x7fff) > 0x7c00 && (bits & 0x200) == 0;
      int expected = signallingNaN ? bits | 0x200 : bits;
      int back = Float16.fromFloat(Float16.toFloat((short) bits)) & 0xffff;
      assertThat(back).as("%04x", bits).isEqualTo(expected);
    }
  }

  @Test
  void midpointsOfAllNeighboursGoToTheEvenOne() {
    for (int bits = 0; bits <= 0x7bff; bits++) {
      // 65536 stands for the infinity that follows the largest number.
      float next = bits == 0x7bff ? 65536f : Float16.toFloat((short) (bits + 1));
      float midpoint = (Float16.toFloat((short) bits) + next) / 2;
      int even = (bits & 1) == 0 ? bits : bits + 1;
      for (int sign : new int[] {0, 0x8000}) {
        float signed = sign == 0 ? midpoint : -midpoint;
        float towardsZero = sign == 0 ? Math.nextDown(signed) : Math.nextUp(signed);
        float away = sign == 0 ? Math.nextUp(signed) : Math.nextDown(signed);
        assertRounds(signed, even | sign);
        assertRounds(towardsZero, bits | sign);
        assertRounds(away, (bits + 1) | sign);
      }
    }
  }

  private static void assertRounds(float value, int expected) {
    int actual = Float16.fromFloat(value) & 0xffff;
    if (actual != expected) {
      assertThat("%04x".formatted(actual)).as("%s", value).isEqualTo("%04x".formatted(expected));
    }
  }

  @Test
  void agreesWithThePlatformOnAnyFloat() {
    long seed = 20260102;
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 200_000; i++) {
      // Every other one with an exponent that halves have.
      int bits = random.nextInt();
      if (i % 2 == 0) {
        bits = (bits & 0x807fffff) | (random.nextInt(100, 145) << 23);
      }
      float value = Float.intBitsToFloat(bits);
      if (!Float.isNaN(value)) {
        assertThat(Float16.fromFloat(value))
            .as("float bits %08x, seed %d", bits, seed)
            .isEqualTo(Float.floatToFloat16(value));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NaN, 7e00",
    "Infinity, 7c00",
    "-Infinity, fc00",
    "3.4028235e38, 7c00",
    "65504, 7bff",
    "65519.996, 7bff",
    "65520, 7c00",
    "-65520, fc00",
    "0, 0000",
    "-0, 8000",
    "1.4e-45, 0000",
    "-1.4e-45, 8000",
    "2.9802322e-8, 0000",
    "2.9802326e-8, 0001",
    "5.9604645e-8, 0001",
    "6.0975552e-5, 03ff",
    "6.1035156e-5, 0400",
    "1, 3c00"
  })
  void specialValues(float value, String expected) {
    assertThat("%04x".formatted(Float16.fromFloat(value))).isEqualTo(expected);
  }

  @Test
  void aNaNWhosePayloadLiesInTheLowerBitsStaysNaN() {
    for (int bits : new int[] {0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff}) {
      assertThat(Float16.round(Float.intBitsToFloat(bits))).as("%08x", bits).isNaN();
    }
  }
}
