package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class Float8E4M3Test {

  /** The definition, in double: sign, exponent and fraction put together. */
  private static double value(int code) {
    int exponent = (code >> 3) & 15;
    int fraction = code & 7;
    double magnitude =
        exponent == 0 ? fraction * 0x1p-9 : (8 + fraction) * Math.pow(2, exponent - 7 - 3);
    return (code & 0x80) == 0 ? magnitude : -magnitude;
  }

  @Test
  void everyCodeHasItsValueAndComesBack() {
    for (int code = 0; code < 256; code++) {
      float decoded = Float8E4M3.toFloat((byte) code);
      if ((code & 0x7f) == 0x7f) {
        assertThat(decoded).isNaN();
        assertThat(Float8E4M3.fromFloat(decoded) & 0x7f).isEqualTo(0x7f);
      } else {
        assertThat((double) decoded).as("code %02x", code).isEqualTo(value(code));
        assertThat(Float8E4M3.fromFloat(decoded) & 0xff).as("code %02x", code).isEqualTo(code);
      }
    }
  }

  @Test
  void halfwayBetweenNeighboursGoesToTheEvenCodeAndAHairAsideToTheNearer() {
    for (int code = 0; code < 0x7e; code++) {
      float middle = (float) ((value(code) + value(code + 1)) / 2);
      int even = code % 2 == 0 ? code : code + 1;
      for (int sign : new int[] {0, 0x80}) {
        float signed = sign == 0 ? 1f : -1f;
        assertThat(Float8E4M3.fromFloat(signed * middle) & 0xff).isEqualTo(sign | even);
        assertThat(Float8E4M3.fromFloat(signed * Math.nextDown(middle)) & 0xff)
            .isEqualTo(sign | code);
        assertThat(Float8E4M3.fromFloat(signed * Math.nextUp(middle)) & 0xff)
            .isEqualTo(sign | (code + 1));
      }
    }
  }

  @Test
  void whatIsTooLargeSaturates() {
    for (float large : new float[] {448, 449, 464, 480, 1e30f, Float.POSITIVE_INFINITY}) {
      assertThat(Float8E4M3.fromFloat(large) & 0xff).as("%s", large).isEqualTo(0x7e);
      assertThat(Float8E4M3.fromFloat(-large) & 0xff).as("-%s", large).isEqualTo(0xfe);
    }
  }

  @Test
  void zeroKeepsItsSignAndTheSmallestVanish() {
    assertThat(Float8E4M3.fromFloat(0f)).isZero();
    assertThat(Float8E4M3.fromFloat(-0f) & 0xff).isEqualTo(0x80);
    assertThat(Float8E4M3.fromFloat(0x1p-10f)).isZero();
    assertThat(Float8E4M3.fromFloat(Math.nextUp(0x1p-10f))).isEqualTo((byte) 1);
    assertThat(Float8E4M3.fromFloat(Float.MIN_VALUE)).isZero();
  }

  @Test
  void noCodeIsNearerThanTheChosenOne() {
    long seed = 20;
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      float x = (float) (random.nextGaussian() * Math.pow(2, random.nextInt(20) - 11));
      if (Math.abs(x) > 448) {
        continue;
      }
      double nearest = Double.POSITIVE_INFINITY;
      for (int code = 0; code < 0x7f; code++) {
        nearest = Math.min(nearest, Math.abs(Math.abs(x) - value(code)));
      }
      double error = Math.abs(x - (double) Float8E4M3.round(x));
      assertThat(error).as("seed %d, x %s", seed, x).isEqualTo(nearest);
    }
  }
}
