package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SymmetricIntTest {

  @Test
  void codesOfAKnownRow() {
    float[] codes = new float[6];
    float scale =
        SymmetricInt.INT4.quantize(codes, 1, new float[] {9, -3.5f, 0, 1.25f, -0.25f, 3.4f}, 1, 5);
    assertThat(scale).isEqualTo(0.5f);
    assertThat(codes).containsExactly(0, -7, 0, 2, 0, 7); // 2.5 and -0.5 go to the even codes
  }

  @ParameterizedTest
  @EnumSource
  void errorsAreAtMostHalfAStepAndTheLargestIsExactToRounding(SymmetricInt format) {
    long seed = 5;
    Random random = new Random(seed);
    float[] row = new float[96];
    float[] codes = new float[96];
    for (int i = 0; i < row.length; i++) {
      row[i] = (float) (random.nextGaussian() * 3);
    }
    float scale = format.quantize(codes, 0, row, 0, row.length);
    float max = 0;
    for (int i = 0; i < row.length; i++) {
      assertThat(Math.abs(codes[i] * scale - row[i]))
          .as("seed %d, element %d", seed, i)
          .isLessThanOrEqualTo(scale * 0.5001f);
      max = Math.max(max, Math.abs(codes[i]));
    }
    assertThat(max).isEqualTo(format.maxCode());
  }

  @ParameterizedTest
  @EnumSource
  void negationIsExact(SymmetricInt format) {
    float[] row = {0.3f, -0.7f, 1.1f, 5};
    float[] negated = {-0.3f, 0.7f, -1.1f, -5};
    float[] codes = new float[4];
    float[] negatedCodes = new float[4];
    assertThat(format.quantize(codes, 0, row, 0, 4))
        .isEqualTo(format.quantize(negatedCodes, 0, negated, 0, 4));
    for (int i = 0; i < 4; i++) {
      assertThat(negatedCodes[i] + codes[i]).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void zerosAndTheSmallestNumbersGiveScaleZero(SymmetricInt format) {
    float[] codes = {1, 1};
    float scale = format.quantize(codes, 0, new float[] {Float.MIN_NORMAL, -1e-40f}, 0, 2);
    assertThat(scale).isZero();
    assertThat(codes).containsExactly(0, 0);
  }

  @ParameterizedTest
  @EnumSource
  void hugeNumbersStayInRange(SymmetricInt format) {
    float[] codes = new float[2];
    format.quantize(codes, 0, new float[] {Float.MAX_VALUE, -Float.MAX_VALUE}, 0, 2);
    assertThat(codes).containsExactly(format.maxCode(), -format.maxCode());
  }

  @Test
  void refusesWhatIsNotFinite() {
    float[] codes = new float[2];
    float[] values = {1, Float.NaN};
    assertThatThrownBy(() -> SymmetricInt.INT8.quantize(codes, 0, values, 0, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("element 1 is NaN: expected a finite value");
    values[1] = Float.NEGATIVE_INFINITY;
    assertThatThrownBy(() -> SymmetricInt.INT4.quantize(codes, 0, values, 0, 2))
        .hasMessageContaining("element 1 is -Infinity");
  }
}
