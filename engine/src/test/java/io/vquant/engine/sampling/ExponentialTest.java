package io.vquant.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExponentialTest {

  @Test
  void isWithinTheStatedErrorOverItsRange() {
    double worst = 0;
    for (float x = 0; x >= -87; x -= 0.00037f) {
      double exact = StrictMath.exp(x);
      worst = Math.max(worst, Math.abs(Exponential.ofNonPositive(x) - exact) / exact);
    }
    assertThat(worst).isLessThan(2e-7);
  }

  @Test
  void isExactAtZeroAndZeroFarBelow() {
    assertThat(Exponential.ofNonPositive(0)).isEqualTo(1);
    assertThat(Exponential.ofNonPositive(-87.5f)).isZero();
    assertThat(Exponential.ofNonPositive(-Float.MAX_VALUE)).isZero();
    assertThat(Exponential.ofNonPositive(Float.NEGATIVE_INFINITY)).isZero();
  }
}
