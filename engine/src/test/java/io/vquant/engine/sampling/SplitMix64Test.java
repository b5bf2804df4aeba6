package io.vquant.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SplitMix64Test {

  /** The numbers that the public-domain C code of Vigna gives for this seed. */
  @Test
  void givesThePublishedSequence() {
    SplitMix64 random = new SplitMix64(1234567);
    long[] expected = {
      6457827717110365317L,
      3203168211198807973L,
      Long.parseUnsignedLong("9817491932198370423"),
      4593380528125082431L,
      Long.parseUnsignedLong("16408922859458223821")
    };
    for (long number : expected) {
      assertThat(random.nextLong()).isEqualTo(number);
    }
  }

  @Test
  void doublesLieInTheUnitInterval() {
    SplitMix64 random = new SplitMix64(0);
    double sum = 0;
    for (int i = 0; i < 10_000; i++) {
      double number = random.nextDouble();
      assertThat(number).isBetween(0.0, Math.nextDown(1.0));
      sum += number;
    }
    assertThat(sum / 10_000).isBetween(0.49, 0.51); // standard error 0.003
  }
}
