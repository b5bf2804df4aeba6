package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.quant.HadamardTransform;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HadamardRowsTest {

  private static final int ROWS = 7;

  @ParameterizedTest
  @ValueSource(ints = {16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 240, 256})
  void hasTheBitsOfTheScalarTransform(int headDim) {
    long seed = headDim;
    Random random = new Random(seed);
    int stride = headDim + 5;
    float[] expected = new float[ROWS * stride];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(9) - 4));
    }
    expected[3] = -0f;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rows = arena.allocateFrom(ValueLayout.JAVA_FLOAT, expected);
      new HadamardRows(headDim).apply(rows.address(), 4L * stride, ROWS);
      HadamardTransform transform = new HadamardTransform(headDim);
      for (int row = 0; row < ROWS; row++) {
        transform.apply(expected, row * stride);
      }
      for (int i = 0; i < expected.length; i++) {
        assertThat(Float.floatToRawIntBits(rows.getAtIndex(ValueLayout.JAVA_FLOAT, i)))
            .as("seed %d, float %d", seed, i)
            .isEqualTo(Float.floatToRawIntBits(expected[i]));
      }
    }
  }

  @Test
  void refusesRowsThatAreNotWholeVectors() {
    assertThatThrownBy(() -> new HadamardRows(40))
        .hasMessage("headDim 40: expected a multiple of 16");
  }
}
