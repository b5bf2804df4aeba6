package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.backend.RotarySpec;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Frequencies against a float32 computation with NumPy, written from the papers. Its power function
 * may differ from a correctly rounded one in the last place, and with it everything after.
 */
class RopeParametersTest {
  private static final float TWO_ULPS = 2.5e-7f;

  @Test
  void unscaled() {
    expect(new RopeParameters.Default(10_000), 8, 1f, 0.1f, 0.01f, 0.001f);
  }

  @Test
  void linearDividesAll() {
    expect(
        new RopeParameters.Linear(500_000, 4),
        16,
        0.25f,
        0.04848069f,
        0.009401508f,
        0.0018231663f,
        0.00035355336f,
        6.856205e-05f,
        1.3295741e-05f,
        2.5783463e-06f);
  }

  @Test
  void llama3KeepsBlendsAndDivides() {
    expect(
        new RopeParameters.Llama3(500_000, 8, 1, 4, 64),
        16,
        1f,
        0.07940301f,
        0.004700754f,
        0.00091158313f,
        0.00017677668f,
        3.4281024e-05f,
        6.6478706e-06f,
        1.2891732e-06f);
  }

  @Test
  void yarnBlendsBetweenWholeDimensions() {
    expect(
        new RopeParameters.Yarn(10_000, 4, 64, 1, 32, 1, true),
        16,
        1f,
        0.23717082f,
        0.049999997f,
        0.007905695f,
        0.0025f,
        0.00079056947f,
        0.00025f,
        7.905695e-05f);
  }

  @Test
  void yarnBlendsBetweenFractionsOfDimensions() {
    expect(
        new RopeParameters.Yarn(1_000_000, 4, 64, 1, 24, 2, false),
        16,
        1f,
        0.044456985f,
        0.007905695f,
        0.0014058533f,
        0.00025f,
        4.4456985e-05f,
        7.905694e-06f,
        1.4058534e-06f);
  }

  @Test
  void yarnOfAnEmptyRangeIsAStep() {
    expect(
        new RopeParameters.Yarn(10_000, 4, 64, 1, 1, 1, false),
        16,
        1f,
        0.31622776f,
        0.1f,
        0.007905695f,
        0.0025f,
        0.00079056947f,
        0.00025f,
        7.905695e-05f);
  }

  @Test
  void onlyYarnScalesCosineAndSine() {
    RopeParameters yarn = new RopeParameters.Yarn(10_000, 4, 64, 1.1386294361, 32, 1, true);
    assertThat(yarn.toRotarySpec(16).attentionScaling()).isEqualTo((float) 1.1386294361);
    assertThat(new RopeParameters.Linear(10_000, 4).toRotarySpec(16).attentionScaling())
        .isEqualTo(1f);
    assertThat(RopeParameters.Yarn.derivedAttentionFactor(0.5, 0, 0)).isEqualTo(1);
  }

  private static void expect(RopeParameters rope, int headDim, float... expected) {
    RotarySpec spec = rope.toRotarySpec(headDim);
    List<Float> actual = spec.inverseFrequencies();
    assertThat(actual).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat(Math.abs(actual.get(i) / expected[i] - 1)).as("%d", i).isLessThan(TWO_ULPS);
    }
  }
}
