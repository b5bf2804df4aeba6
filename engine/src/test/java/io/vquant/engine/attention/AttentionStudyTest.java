package io.vquant.engine.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.quant.SymmetricInt;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.AttentionInputs;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AttentionStudyTest {

  private static final int TOKENS = 300;

  /** Every query sees key 100 ten times as strongly as any other; keys are else alike. */
  private static AttentionInputs oneLine() {
    AttentionSpec spec = new AttentionSpec(2, 1, 16, 1, AttentionSpec.NO_WINDOW);
    Tensor q = matrix(TOKENS, 32);
    Tensor k = matrix(TOKENS, 16);
    for (int row = 0; row < TOKENS; row++) {
      set(q, row, 0, 1);
      set(q, row, 16, 1);
    }
    set(k, 100, 0, (float) Math.log(10));
    return new AttentionInputs(0, spec, 0, q, k, matrix(TOKENS, 16));
  }

  @Test
  void aLineIsFoundAndDrawn() {
    AttentionInputs inputs = oneLine();
    KeptTokens kept = KeptTokens.of(inputs, LineChoice.ofCount(5), 50)[0];
    assertThat(kept.lines()).containsExactly(0, 1, 2, 3, 100);
    assertThat(kept.kind(2)).isEqualTo(KeptTokens.Kind.SINK);
    assertThat(kept.kind(100)).isEqualTo(KeptTokens.Kind.LINE);
    assertThat(kept.kind(99)).isEqualTo(KeptTokens.Kind.QUANTIZED);
    assertThat(kept.kind(249)).isEqualTo(KeptTokens.Kind.QUANTIZED);
    assertThat(kept.kind(250)).isEqualTo(KeptTokens.Kind.WINDOW);
    AttentionMap map = AttentionMap.of(inputs, 1, 30); // ten tokens a cell
    assertThat(map.cells()).isEqualTo(30);
    assertThat(map.weight(9, 9)).isCloseTo(1 / 91.0, within(1e-8)); // row 90 sees 91 keys
    assertThat(map.weight(29, 10)).isCloseTo(10 / 300.0, within(1e-8)); // row 290: 9 less
    assertThat(map.weight(5, 20)).isZero();
    assertThat(map.kinds(kept)[10]).isEqualTo(KeptTokens.Kind.LINE);
  }

  @Test
  void brightnessIsLogarithmic() {
    assertThat(AttentionMap.brightness(1)).isEqualTo(1);
    assertThat(AttentionMap.brightness(0.01)).isCloseTo(0.5, within(1e-12));
    assertThat(AttentionMap.brightness(1e-5)).isZero();
  }

  @Test
  void errorsAreComparedByVariant() {
    PrefillVariant variant =
        new PrefillVariant(AttentionPrecision.of(SymmetricInt.INT4), LineChoice.ofCount(20));
    PrefillErrors errors = new PrefillErrors();
    errors.add(
        3,
        Map.of(
            variant,
            new HeadErrors(new double[] {1, 2}, 20),
            variant.allLowBit(),
            new HeadErrors(new double[] {4, 6}, 0)));
    errors.add(
        7,
        Map.of(
            variant,
            new HeadErrors(new double[] {1, 1}, 10),
            variant.allLowBit(),
            new HeadErrors(new double[] {8, 2}, 0)));
    assertThat(errors.layers()).containsExactly(3, 7);
    assertThat(errors.ratio(variant)).isEqualTo(new ErrorRatio(4, 3.5, 2));
    assertThat(errors.ratio(variant, 1).ofSums()).isEqualTo(5);
    assertThat(errors.meanSquaredError(variant)).isEqualTo(1.25);
    assertThat(errors.meanLines(variant)).isEqualTo(15);
  }

  private static void set(Tensor tensor, int row, int column, float value) {
    tensor.segment().set(ValueLayout.JAVA_FLOAT, tensor.rowByteOffset(row) + 4L * column, value);
  }

  private static Tensor matrix(int rows, int columns) {
    HostStorage storage =
        new HostStorage(Device.CPU, Arena.ofAuto().allocate(4L * rows * columns, 64));
    return new Tensor(storage, DType.F32, Layout.dense(rows, columns));
  }
}
