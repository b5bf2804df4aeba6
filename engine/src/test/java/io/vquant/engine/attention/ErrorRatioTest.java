package io.vquant.engine.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ErrorRatioTest {

  @Test
  void sumsMedianAndWorst() {
    ErrorRatio ratio = ErrorRatio.of(new double[] {8, 6, 10}, new double[] {1, 3, 2});
    assertThat(ratio).isEqualTo(new ErrorRatio(4, 5, 2));
    assertThat(ErrorRatio.of(new double[] {8, 6}, new double[] {1, 3}).median()).isEqualTo(5);
  }

  @Test
  void noErrorOnEitherSideIsNoGain() {
    assertThat(ErrorRatio.of(new double[] {0, 1}, new double[] {0, 0}))
        .isEqualTo(new ErrorRatio(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 1));
  }

  @Test
  void refusesDifferentHeads() {
    assertThatThrownBy(() -> ErrorRatio.of(new double[2], new double[3]))
        .hasMessage("2 and 3 heads: expected the same, at least 1");
  }
}
