package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The order of a sum shows where a small number meets a large one. */
class LaneSumTest {

  private static final float LARGE = 0x1p24f;

  @Test
  void elementsSixteenApartShareALane() {
    LaneSum sum = new LaneSum();
    sum.add(3, LARGE);
    sum.add(19, 1f); // lost: 2^24 + 1 rounds to even
    sum.add(35, -LARGE);
    assertThat(sum.total()).isZero();
  }

  @Test
  void theTreeAddsLanesEightApartFirst() {
    assertThat(totalOf(0, LARGE, 1, 1f, 8, -LARGE)).isEqualTo(1f);
    assertThat(totalOf(0, LARGE, 8, 1f, 4, -LARGE)).isZero();
  }

  @Test
  void thenFourThenTwoThenOneApart() {
    assertThat(totalOf(0, LARGE, 1, 1f, 4, -LARGE)).isEqualTo(1f);
    assertThat(totalOf(0, LARGE, 4, 1f, 2, -LARGE)).isZero();
    assertThat(totalOf(0, LARGE, 1, 1f, 2, -LARGE)).isEqualTo(1f);
    assertThat(totalOf(0, LARGE, 2, 1f, 1, -LARGE)).isZero();
  }

  @Test
  void productsAreNotRounded() {
    LaneSum sum = new LaneSum();
    float x = 1 + 0x1p-12f;
    sum.addProduct(5, x, x);
    sum.add(5, -1f - 0x1p-11f);
    // The product alone rounds its last bit, 2^-24, away.
    assertThat(sum.total()).isZero();
    LaneSum fused = new LaneSum();
    fused.add(5, -1f - 0x1p-11f);
    fused.addProduct(5, x, x);
    assertThat(fused.total()).isEqualTo(0x1p-24f);
  }

  private static float totalOf(int a, float x, int b, float y, int c, float z) {
    LaneSum sum = new LaneSum();
    sum.add(a, x);
    sum.add(b, y);
    sum.add(c, z);
    return sum.total();
  }
}
