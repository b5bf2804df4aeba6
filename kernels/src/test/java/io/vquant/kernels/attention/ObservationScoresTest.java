package io.vquant.kernels.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class ObservationScoresTest {

  private static final AttentionSpec SPEC = new AttentionSpec(2, 1, 1, 1, AttentionSpec.NO_WINDOW);

  /** Heads of one channel: a score is the product of two numbers. */
  @Test
  void scoresAreMeansOverHeadsAndTheRowsThatSeeAKey() {
    float ln3 = (float) Math.log(3);
    Tensor k = matrix(3, 1, 0, ln3, 0);
    Tensor q = matrix(2, 2, 0, 1, 1, 0); // positions 1 and 2; two heads each
    // position 1: head 0 weighs 1/2, 1/2; head 1 weighs 1/4, 3/4
    // position 2: head 0 weighs 1/5, 3/5, 1/5; head 1 a third each
    double[] weight = ObservationScores.of(LineCriterion.WEIGHT, SPEC, q, k)[0];
    double third = 1 / 3.0;
    assertClose(
        weight, (0.5 + 0.25 + 0.2 + third) / 4, (0.5 + 0.75 + 0.6 + third) / 4, (0.2 + third) / 2);
    double[] squared = ObservationScores.of(LineCriterion.SQUARED_WEIGHT, SPEC, q, k)[0];
    assertClose(
        squared,
        (0.25 + 0.0625 + 0.04 + third * third) / 4,
        (0.25 + 0.5625 + 0.36 + third * third) / 4,
        (0.04 + third * third) / 2);
  }

  @Test
  void onlyTheLastRowsCount() {
    Tensor k = matrix(200, 1);
    float[] queries = new float[200 * 2];
    Tensor q = matrix(200, 2, queries);
    double[] weight = ObservationScores.of(LineCriterion.WEIGHT, SPEC, q, k)[0];
    double mean = 0;
    for (int position = 136; position < 200; position++) {
      mean += 1.0 / (position + 1) / 64;
    }
    assertThat(weight[0]).isCloseTo(mean, within(1e-12));
    assertThat(weight[199]).isCloseTo(1 / 200.0, within(1e-12));
  }

  @Test
  void aSlidingWindowHidesEarlyKeys() {
    AttentionSpec sliding = new AttentionSpec(2, 1, 1, 1, 10);
    double[] weight =
        ObservationScores.of(LineCriterion.WEIGHT, sliding, matrix(100, 2), matrix(100, 1))[0];
    assertThat(weight[26]).isZero();
    assertThat(weight[27]).isCloseTo(0.1, within(1e-12));
  }

  @Test
  void keyNormsAreTakenFromTheMean() {
    Tensor k = matrix(3, 1, 1, 2, 6);
    double[] norms = ObservationScores.of(LineCriterion.KEY_NORM, SPEC, matrix(3, 2), k)[0];
    assertClose(norms, 2, 1, 3);
  }

  private static void assertClose(double[] actual, double... expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i]).as("key %d", i).isCloseTo(expected[i], within(1e-7));
    }
  }

  private static Tensor matrix(int rows, int columns, float... values) {
    var segment = Arena.ofAuto().allocate(4L * rows * columns, 64);
    for (int i = 0; i < values.length; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
    }
    return new Tensor(new HostStorage(Device.CPU, segment), DType.F32, Layout.dense(rows, columns));
  }
}
