package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.quant.HadamardTransform;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HadamardRowsTest {

  @ParameterizedTest
  @ValueSource(ints = {16, 32, 48, 64, 80, 96, 112, 128, 192, 256})
  void equalsTheSpecificationBitForBit(int headDim) {
    SplittableRandom random = new SplittableRandom(headDim);
    float[] actual = new float[5 + 3 * headDim];
    for (int i = 0; i < actual.length; i++) {
      actual[i] = random.nextInt(9) == 0 ? -0f : (random.nextInt() >> 8) * 0x1p-18f;
    }
    float[] expected = actual.clone();
    HadamardTransform transform = new HadamardTransform(headDim);
    for (int row = 0; row < 3; row++) {
      transform.apply(expected, 5 + row * headDim);
    }
    new HadamardRows(transform).apply(actual, 5, 3);
    for (int i = 0; i < actual.length; i++) {
      assertThat(Float.floatToRawIntBits(actual[i]))
          .as("head size %d, element %d: %s, expected %s", headDim, i, actual[i], expected[i])
          .isEqualTo(Float.floatToRawIntBits(expected[i]));
    }
  }
}
