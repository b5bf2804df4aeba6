package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TruncatedSumTest {

  @Test
  void smallSumsAreExact() {
    assertThat(TruncatedSum.add(0, new float[] {1, 2, 0.5f, -4}, 0, 4)).isEqualTo(-0.5f);
    assertThat(TruncatedSum.add(0, new float[32], 0, 32)).isZero();
  }

  @Test
  void addendsAreCutOffAtTheLargestExponent() {
    // 2^-13 of the largest is the last bit: 8192 keeps units, not halves.
    assertThat(TruncatedSum.add(8192, new float[] {1, 0.5f, 0.5f}, 0, 3)).isEqualTo(8193f);
    assertThat(TruncatedSum.add(8192, new float[] {-1.5f}, 0, 1)).isEqualTo(8191f);
  }

  @Test
  void theSumIsCutOffToo() {
    assertThat(TruncatedSum.add(8192, new float[] {8192, 1}, 0, 2)).isEqualTo(16384f); // not 16385
  }

  @Test
  void theErrorIsBoundedByOneUnitAnAddend() {
    long seed = 11;
    Random random = new Random(seed);
    for (int round = 0; round < 500; round++) {
      float[] products = new float[32];
      double exact = 0;
      double largest = 0;
      for (int i = 0; i < 32; i++) {
        float a = Float8E4M3.round((float) (random.nextGaussian() * 40));
        float b = Float8E4M3.round((float) (random.nextGaussian() * 100));
        products[i] = a * b;
        exact += products[i];
        largest = Math.max(largest, Math.abs(products[i]));
      }
      float sum = TruncatedSum.add(0, products, 0, 32);
      double unit = Math.pow(2, Math.getExponent(largest) - 13);
      assertThat(Math.abs(sum - exact)).as("seed %d, round %d", seed, round).isLessThan(64 * unit);
      assertThat(TruncatedSum.truncate(sum)).isEqualTo(sum);
    }
  }

  @Test
  void refusesMoreThanOneInstruction() {
    assertThatThrownBy(() -> TruncatedSum.add(0, new float[33], 0, 33))
        .hasMessage("33 products: expected at most 32");
  }
}
