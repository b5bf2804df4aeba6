package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GroupQuantizerTest {

  private static final int[] SIZES = {16, 32, 64, 80, 96, 128, 256};

  private static float[] gaussian(SplittableRandom random, int count, float scale, float offset) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * scale + offset);
    }
    return values;
  }

  /**
   * The min-max grid has every element within half a step, as has the midpoint grid at 2 bits. A
   * least-squares line through the codes is no worse than that grid in root mean square, nearest
   * codes make it no worse, and rounding scale and zero to FP16, once a round, moves no level by
   * more than {@code maxCode} times the scale's rounding error plus the zero's. The choice among
   * coverages only lowers the error further.
   */
  @ParameterizedTest
  @EnumSource(CodeBits.class)
  void rootMeanSquareErrorIsAtMostHalfAStepAndRounding(CodeBits bits) {
    GroupQuantizer quantizer = new GroupQuantizer(bits);
    long seed = 77;
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 600; i++) {
      float scale = (float) Math.pow(10, random.nextInt(-3, 3));
      float offset = random.nextInt(-3, 4) * scale;
      float[] group = gaussian(random, SIZES[i % SIZES.length], scale, offset);
      if (i % 3 == 0) {
        group[random.nextInt(group.length)] *= 20;
      }
      AffineGrid grid = quantizer.fit(group);
      float[] sorted = group.clone();
      Arrays.sort(sorted);
      double range = (double) sorted[sorted.length - 1] - sorted[0];
      double coverage = bits == CodeBits.TWO ? 0.75 : 1;
      double step = coverage * range / bits.maxCode();
      double largest = Math.max(Math.abs(sorted[0]), Math.abs(sorted[sorted.length - 1])) + step;
      double rounding = 2 * (halfError(2 * step) * bits.maxCode() + halfError(largest));
      assertThat(rootMeanSquareError(group, grid, bits))
          .as("group %d, seed %d", i, seed)
          .isLessThanOrEqualTo((step / 2 + rounding) * (1 + 1e-5));
    }
  }

  /** Half a unit in the last place of FP16 at most, up to this magnitude. */
  private static double halfError(double magnitude) {
    return Math.max(magnitude * 0x1p-11, 0x1p-25);
  }

  private static double rootMeanSquareError(float[] group, AffineGrid grid, CodeBits bits) {
    double sum = 0;
    for (float x : group) {
      double error = (double) x - grid.value(grid.code(x, bits));
      sum += error * error;
    }
    return Math.sqrt(sum / group.length);
  }

  @ParameterizedTest
  @EnumSource(CodeBits.class)
  void everyElementInsideTheGridIsWithinHalfAStepAndOthersGetTheLastCode(CodeBits bits) {
    GroupQuantizer quantizer = new GroupQuantizer(bits);
    long seed = 78;
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 300; i++) {
      float[] group = gaussian(random, SIZES[i % SIZES.length], 3, i % 5);
      AffineGrid grid = quantizer.fit(group);
      double step = Float16.toFloat(grid.scale());
      double first = grid.value(0);
      double last = grid.value(bits.maxCode());
      for (float x : group) {
        int code = grid.code(x, bits);
        String what = "%s, group %d, seed %d".formatted(x, i, seed);
        if (x < first - step / 2 * (1 + 1e-4)) {
          assertThat(code).as(what).isZero();
        } else if (x > last + step / 2 * (1 + 1e-4)) {
          assertThat(code).as(what).isEqualTo(bits.maxCode());
        } else {
          // Float32 arithmetic finds the nearer of two levels up to a few units of the values.
          double slack = 4 * Math.ulp(Math.abs(x) + (float) (last - first));
          assertThat(Math.abs((double) x - grid.value(code)))
              .as(what)
              .isLessThanOrEqualTo(step / 2 + slack);
        }
      }
    }
  }

  @Test
  void valuesOnAGridComeBackExactly() {
    float[] group = new float[64];
    for (int i = 0; i < group.length; i++) {
      group[i] = 0.25f * (i % 16) - 1.5f;
    }
    AffineGrid grid = new GroupQuantizer(CodeBits.FOUR).fit(group);
    assertThat(grid).isEqualTo(grid(0.25f, -1.5f));
    for (int i = 0; i < group.length; i++) {
      assertThat(grid.code(group[i], CodeBits.FOUR)).isEqualTo(i % 16);
      assertThat(grid.value(i % 16)).isEqualTo(group[i]);
    }
  }

  private static AffineGrid grid(float scale, float zero) {
    return new AffineGrid(Float16.fromFloat(scale), Float16.fromFloat(zero));
  }

  @Test
  void aClippedGridWinsWhenItHasTheLeastError() {
    // 63 elements on 0, 1, 2, 3 and one at 4: clipping it costs 1, stretching the grid about 5.
    float[] group = new float[64];
    for (int i = 0; i < group.length; i++) {
      group[i] = i % 4;
    }
    group[20] = 4f;
    AffineGrid grid = new GroupQuantizer(CodeBits.TWO).fit(group);
    assertThat(grid.code(4f, CodeBits.TWO)).isEqualTo(3);
    assertThat(grid.value(3)).isBetween(3f, 3.1f);
    assertThat(grid.value(0)).isBetween(-0.05f, 0.05f);
    double squares = Math.pow(rootMeanSquareError(group, grid, CodeBits.TWO), 2) * group.length;
    assertThat(squares).isLessThanOrEqualTo(1);
  }

  @Test
  void aGridOverTheWholeRangeWinsWhenBothEndsMatter() {
    // 15 elements on each of 0, 1, 2, 3 and four at 9.
    float[] group = new float[64];
    for (int i = 0; i < 60; i++) {
      group[i] = i % 4;
    }
    Arrays.fill(group, 60, 64, 9f);
    AffineGrid grid = new GroupQuantizer(CodeBits.TWO).fit(group);
    assertThat(rootMeanSquareError(group, grid, CodeBits.TWO))
        .isLessThanOrEqualTo(rootMeanSquareError(group, grid(3f, 0f), CodeBits.TWO));
  }

  @ParameterizedTest
  @EnumSource(CodeBits.class)
  void constantGroupsAreTheirValueAsAHalf(CodeBits bits) {
    GroupQuantizer quantizer = new GroupQuantizer(bits);
    for (float value : new float[] {0f, -0f, 1f, -0.1f, 65504f, -65504f, 1e-30f, 0x1p-24f}) {
      float[] group = new float[64];
      Arrays.fill(group, value);
      AffineGrid grid = quantizer.fit(group);
      // A minimum of -0 counts as +0.
      assertThat(grid).as("%s", value).isEqualTo(grid(0f, value + 0f));
      assertThat(grid.code(value, bits)).isZero();
      assertThat(grid.value(0)).isEqualTo(Float16.round(value));
    }
  }

  @ParameterizedTest
  @EnumSource(CodeBits.class)
  void zerosOfEitherSignAreOneValue(CodeBits bits) {
    float[] group = new float[64];
    for (int i = 0; i < group.length; i += 3) {
      group[i] = -0f;
    }
    assertThat(new GroupQuantizer(bits).fit(group)).isEqualTo(grid(0f, 0f));
  }

  @ParameterizedTest
  @EnumSource(CodeBits.class)
  void aRangeBelowTheSmallestHalfIsItsMean(CodeBits bits) {
    float[] group = new float[64];
    for (int i = 0; i < group.length; i++) {
      group[i] = i % 3 == 0 ? Float.intBitsToFloat(i * 1000) : 0x1p-24f;
    }
    AffineGrid grid = new GroupQuantizer(bits).fit(group);
    // 42/64 of 2^-24 rounds up.
    assertThat(grid).isEqualTo(new AffineGrid((short) 0, (short) 1));
  }

  @ParameterizedTest
  @EnumSource(CodeBits.class)
  void theLargestRangeStaysFinite(CodeBits bits) {
    float[] group = new float[64];
    for (int i = 0; i < group.length; i++) {
      group[i] = i % 3 == 0 ? 65504f : -65504f;
    }
    AffineGrid grid = new GroupQuantizer(bits).fit(group);
    for (float x : group) {
      assertThat(Math.abs(grid.value(grid.code(x, bits)) - x))
          .isLessThanOrEqualTo(65504 * 0x1p-10f);
    }
  }

  @Test
  void anOutlierIsKeptAtEightBits() {
    float[] group = gaussian(new SplittableRandom(5), 64, 1, 0);
    group[17] = 1000f;
    AffineGrid grid = new GroupQuantizer(CodeBits.EIGHT).fit(group);
    assertThat(grid.code(1000f, CodeBits.EIGHT)).isEqualTo(255);
    assertThat(grid.value(255)).isBetween(998f, 1002f);
  }

  @ParameterizedTest
  @EnumSource(CodeBits.class)
  void excludedElementsHaveNoSay(CodeBits bits) {
    GroupQuantizer quantizer = new GroupQuantizer(bits);
    float[] group = gaussian(new SplittableRandom(6), 64, 1, 0);
    long excluded = 0x8000_0100_0000_0003L;
    float[] other = group.clone();
    other[0] = 5000f;
    other[1] = -5000f;
    other[40] = 3f;
    other[63] = 60000f;
    AffineGrid grid = quantizer.fit(other, excluded);
    assertThat(grid).isEqualTo(quantizer.fit(group, excluded));
    assertThat(grid).isNotEqualTo(quantizer.fit(other));
    assertThat(grid.code(5000f, bits)).isEqualTo(bits.maxCode());
    assertThat(grid.code(-5000f, bits)).isZero();
    assertThat(quantizer.fit(other, -1L)).isEqualTo(grid(0f, 0f));
  }

  @ParameterizedTest
  @ValueSource(
      floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 65504.004f, -1e6f})
  void refusesWhatAHalfCannotReach(float value) {
    float[] group = new float[64];
    group[9] = value;
    GroupQuantizer quantizer = new GroupQuantizer(CodeBits.FOUR);
    for (long excluded : new long[] {0, 1L << 9}) {
      assertThatThrownBy(() -> quantizer.fit(group, excluded))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("element 9 is " + value + ": expected a magnitude of at most 65504");
    }
  }

  @Test
  void refusesGroupsOfOtherSizes() {
    GroupQuantizer quantizer = new GroupQuantizer(CodeBits.FOUR);
    assertThatThrownBy(() -> quantizer.fit(new float[0])).hasMessageContaining("group of 0");
    assertThatThrownBy(() -> quantizer.fit(new float[257])).hasMessageContaining("group of 257");
    assertThatThrownBy(() -> quantizer.fit(new float[65], 1L)).hasMessageContaining("group of 65");
    assertThatThrownBy(() -> CodeBits.of(3)).hasMessage("code width 3 bits: expected 8, 4 or 2");
  }
}
