package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HadamardTransformTest {

  @Test
  void rowsAreCutIntoTheLargestPowersOfTwo() {
    assertThat(new HadamardTransform(128).blocks()).containsExactly(128);
    assertThat(new HadamardTransform(80).blocks()).containsExactly(64, 16);
    assertThat(new HadamardTransform(96).blocks()).containsExactly(64, 32);
    assertThat(new HadamardTransform(112).blocks()).containsExactly(64, 32, 16);
  }

  @Test
  void fourChannelsAreSylvestersMatrix() {
    float[] row = {9, 1, 2, 4, 8, 9};
    new HadamardTransform(4).apply(row, 1);
    assertThat(row).containsExactly(9, 7.5f, -2.5f, -4.5f, 1.5f, 9);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 16, 64, 80, 96, 112, 128, 256})
  void equalsTheMatrixOfSignsWithParityOfCommonBits(int headDim) {
    float[] row = gaussian(headDim, headDim);
    double[] expected = new double[headDim];
    int from = 0;
    for (int size : new HadamardTransform(headDim).blocks()) {
      for (int i = 0; i < size; i++) {
        for (int j = 0; j < size; j++) {
          int sign = Integer.bitCount(i & j) % 2 == 0 ? 1 : -1;
          expected[from + i] += sign * row[from + j] / Math.sqrt(size);
        }
      }
      from += size;
    }
    new HadamardTransform(headDim).apply(row, 0);
    for (int i = 0; i < headDim; i++) {
      assertThat((double) row[i])
          .as("seed %d, channel %d", headDim, i)
          .isCloseTo(expected[i], within(1e-5));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 48, 64, 80, 128, 256})
  void isItsOwnInverse(int headDim) {
    float[] original = gaussian(headDim, 7L * headDim);
    float[] row = original.clone();
    HadamardTransform transform = new HadamardTransform(headDim);
    transform.apply(row, 0);
    transform.apply(row, 0);
    for (int i = 0; i < headDim; i++) {
      assertThat(row[i]).as("seed %d", 7L * headDim).isCloseTo(original[i], within(2e-6f));
    }
  }

  @Test
  void anOutlierIsSpreadEvenly() {
    float[] row = new float[64];
    row[13] = 8;
    new HadamardTransform(64).apply(row, 0);
    for (float value : row) {
      assertThat(Math.abs(value)).isEqualTo(1f);
    }
  }

  @Test
  void refusesNoChannels() {
    assertThatThrownBy(() -> new HadamardTransform(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("headDim 0: expected at least 1");
  }

  private static float[] gaussian(int length, long seed) {
    Random random = new Random(seed);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
