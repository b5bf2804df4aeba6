package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SymmetricGridTest {

  @Test
  void weightsOnAGridOfTheirOwnAreKept() {
    SplittableRandom random = new SplittableRandom(3);
    for (int largest = SymmetricGrid.FEWEST_STEPS; largest <= 127; largest++) {
      float[] group = new float[32];
      for (int i = 0; i < group.length; i++) {
        group[i] = 0x1p-9f * (i == 0 ? -largest : random.nextInt(-largest, largest + 1));
      }
      assertThat(squaredError(group, SymmetricGrid.scale(group))).as("to %d", largest).isZero();
    }
  }

  @Test
  void noScaleThatUsesAllCodesLosesLess() {
    SplittableRandom random = new SplittableRandom(4);
    for (int round = 0; round < 300; round++) {
      float[] group = new float[round % 2 == 0 ? 32 : 64];
      float magnitude = (float) Math.pow(2, random.nextInt(-30, 15));
      for (int i = 0; i < group.length; i++) {
        group[i] = (float) Math.clamp(random.nextGaussian() * magnitude, -65504, 65504);
      }
      double chosen = squaredError(group, SymmetricGrid.scale(group));
      float max = 0;
      for (float weight : group) {
        max = Math.max(max, Math.abs(weight));
      }
      double plain = squaredError(group, Float16.fromFloat(max / 127));
      assertThat(chosen).as("round %d", round).isLessThanOrEqualTo(plain * (1 + 1e-5));
    }
  }

  @Test
  void scalesEndAtZero() {
    assertThat(SymmetricGrid.scale(new float[32])).isZero();
    assertThat(SymmetricGrid.neighbor((short) 1, -2)).isZero();
  }

  private static double squaredError(float[] group, short half) {
    float scale = Float16.toFloat(half);
    double sum = 0;
    for (float weight : group) {
      double error =
          weight - (double) scale * SymmetricGrid.code(weight, AffineGrid.inverse(scale));
      sum += error * error;
    }
    return sum;
  }
}
