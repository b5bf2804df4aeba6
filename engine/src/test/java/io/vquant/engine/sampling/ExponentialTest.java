package io.vquant.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExponentialTest {

  @Test
  void isWithinTheStatedErrorOverItsRange() {
    double worst = 0;
    for (float x = 0; x >= -60; x -= 0.00037f) {
      double exact = StrictMath.exp(x);
      worst = Math.max(worst, Math.abs(Exponential.ofNonPositive(x) - exact) / exact);
    }
    assertThat(worst).isLessThan(1.2e-7);
  }

  @Test
  void isExactAtZeroAndZeroFarBelow() {
    assertThat(Exponential.ofNonPositive(0)).isEqualTo(1);
    assertThat(Exponential.ofNonPositive(-80)).isBetween(1.80e-35f, 1.81e-35f); // e^-80 = 1.805e-35
    assertThat(Exponential.ofNonPositive(-87)).isZero();
    assertThat(Exponential.ofNonPositive(-87.5f)).isZero();
    assertThat(Exponential.ofNonPositive(-Float.MAX_VALUE)).isZero();
    assertThat(Exponential.ofNonPositive(Float.NEGATIVE_INFINITY)).isZero();
  }
}
