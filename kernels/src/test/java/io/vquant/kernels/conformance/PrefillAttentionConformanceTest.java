package io.vquant.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.KeyScales;
import io.vquant.kernels.attention.ValuePrecision;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.quant.SymmetricInt;
import io.vquant.kernels.reference.ReferenceBackend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Low-bit prefill attention: what must be exact is, and the fast code equals the specification. */
class PrefillAttentionConformanceTest {

  private static final AttentionPrecision INT8 = AttentionPrecision.of(SymmetricInt.INT8);
  private static final AttentionPrecision INT4 = AttentionPrecision.of(SymmetricInt.INT4);

  private static AttentionSpec spec(int queryHeads, int kvHeads, int headDim, int slidingWindow) {
    return new AttentionSpec(
        queryHeads, kvHeads, headDim, (float) Math.pow(headDim, -0.5), slidingWindow);
  }

  private static final AttentionSpec SMALL = spec(4, 2, 32, AttentionSpec.NO_WINDOW);

  private static List<TestBackend> backends() {
    return TestBackends.all();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void aWindowOverEverythingIsExact(TestBackend tested) {
    PrefillCase call = PrefillCase.gaussian(SMALL, 150, 150, new int[] {0, 1, 70}, 1);
    assertClose(tested, call, INT4.withWindow(192), call.exact(), 1e-5);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void linesEverywhereAreExact(TestBackend tested) {
    int[] all = new int[140];
    for (int i = 0; i < all.length; i++) {
      all[i] = i;
    }
    PrefillCase call = PrefillCase.gaussian(SMALL, 140, 97, all, 2);
    for (AttentionPrecision precision : List.of(INT4.withWindow(0), INT8.withWindow(64))) {
      assertClose(tested, call, precision, call.exact(), 1e-5);
      assertClose(tested, call, precision.withValue(ValuePrecision.E4M3), call.exact(), 1e-5);
    }
  }

  /** Rows whose largest magnitude is 7 (or 127) have scale 1, and codes equal to themselves. */
  @ParameterizedTest
  @MethodSource("backends")
  void operandsThatTheCodesHoldAreExact(TestBackend tested) {
    for (SymmetricInt format : SymmetricInt.values()) {
      PrefillCase call =
          integers(spec(6, 2, 48, AttentionSpec.NO_WINDOW), 130, format.maxCode(), 3);
      AttentionPrecision plain =
          AttentionPrecision.of(format).withTransform(false, false).withWindow(0);
      assertClose(tested, call, plain, call.exact(), 1e-5);
      assertClose(tested, call, plain.withKeyScales(KeyScales.PER_TILE), call.exact(), 1e-5);
      assertClose(tested, call, plain.withSplitSoftmax(false), call.exact(), 1e-5);
    }
  }

  private static PrefillCase integers(AttentionSpec spec, int tokens, int maxCode, long seed) {
    PrefillCase drawn = PrefillCase.gaussian(spec, tokens, tokens, new int[] {0, 5}, seed);
    SplittableRandom random = new SplittableRandom(seed);
    for (float[] rows : List.of(drawn.q(), drawn.k())) {
      for (int i = 0; i < rows.length; i++) {
        boolean first = i % spec.headDim() == 0;
        rows[i] = first ? maxCode : random.nextInt(2 * maxCode + 1) - maxCode;
      }
    }
    // Scores of integers are large; a small scale keeps the softmax from taking one key alone.
    AttentionSpec soft =
        new AttentionSpec(
            spec.numQueryHeads(),
            spec.numKvHeads(),
            spec.headDim(),
            1f / (maxCode * maxCode * 4),
            spec.slidingWindow());
    return new PrefillCase(
        soft, tokens, tokens, drawn.q(), drawn.k(), drawn.v(), drawn.lines(), seed);
  }

  /** A line's huge key would spoil every scale of its tile if it had a part in it. */
  @ParameterizedTest
  @MethodSource("backends")
  void linesHaveNoPartInScales(TestBackend tested) {
    PrefillCase call = integers(SMALL, 128, 7, 4);
    int width = SMALL.numKvHeads() * SMALL.headDim();
    for (int c = 0; c < width; c++) {
      call.k()[5 * width + c] = c % 2 == 0 ? 700 : -700;
      call.v()[5 * width + c] *= 50;
    }
    AttentionPrecision perTile =
        INT4.withTransform(false, false).withWindow(0).withKeyScales(KeyScales.PER_TILE);
    assertClose(tested, call, perTile, call.exact(), 1e-4);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void int8IsNearAndInt4FurtherAway(TestBackend tested) {
    PrefillCase call = PrefillCase.gaussian(SMALL, 200, 200, new int[0], 5);
    double error8 = meanSquaredError(tested, call, INT8.withWindow(0));
    double error4 = meanSquaredError(tested, call, INT4.withWindow(0));
    double plain4 = meanSquaredError(tested, call, INT4.withWindow(0).withTransform(false, false));
    assertThat(error8).isBetween(1e-9, 1e-4);
    assertThat(error4).isBetween(error8 * 100, error8 * 1000); // (127 / 7)^2 = 329
    assertThat(plain4).as("an outlier channel without smoothing").isGreaterThan(error4 * 2);
  }

  @ParameterizedTest
  @EnumSource
  void cpuEqualsTheReference(SymmetricInt format) {
    SplittableRandom random = new SplittableRandom(6);
    for (int round = 0; round < 10; round++) {
      PrefillCase call = anyCase(random, round);
      AttentionPrecision precision =
          AttentionPrecision.of(format)
              .withWindow(Sizes.any(random, 0, 1, 64, 100, 128))
              .withKeyScales(random.nextBoolean() ? KeyScales.PER_TOKEN : KeyScales.PER_TILE)
              .withTransform(random.nextBoolean(), random.nextBoolean())
              .withSplitSoftmax(random.nextBoolean());
      assertEqualToReference(call, precision, 2e-5);
    }
  }

  /** A weight at the edge of two E4M3 values may fall either way: half a step of 1/16 of it. */
  @ParameterizedTest
  @EnumSource
  void cpuEqualsTheReferenceWithE4M3Values(SymmetricInt format) {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 4; round++) {
      PrefillCase call = anyCase(random, round);
      AttentionPrecision precision =
          AttentionPrecision.of(format)
              .withValue(ValuePrecision.E4M3)
              .withWindow(Sizes.any(random, 0, 64, 128))
              .withSplitSoftmax(random.nextBoolean());
      assertEqualToReference(call, precision, 4e-3);
    }
  }

  private static PrefillCase anyCase(SplittableRandom random, int round) {
    int kvHeads = 1 + random.nextInt(2);
    int headDim = Sizes.any(random, 16, 64, 80, 96);
    int slidingWindow = random.nextInt(3) == 0 ? 90 : AttentionSpec.NO_WINDOW;
    AttentionSpec spec = spec(kvHeads * (1 + random.nextInt(3)), kvHeads, headDim, slidingWindow);
    int tokens = 1 + random.nextInt(260);
    List<Integer> lines = new ArrayList<>();
    for (int position = 0; position < tokens; position++) {
      if (position < 4 || random.nextInt(12) == 0) {
        lines.add(position);
      }
    }
    int[] chosen = lines.stream().mapToInt(Integer::intValue).toArray();
    return PrefillCase.gaussian(spec, tokens, 1 + random.nextInt(tokens), chosen, 100 + round);
  }

  private static void assertEqualToReference(
      PrefillCase call, AttentionPrecision precision, double tolerance) {
    try (KernelBackend cpu = new CpuBackend(new BackendOptions(2));
        KernelBackend reference = new ReferenceBackend()) {
      float[] expected = call.run(reference, precision);
      float[] actual = call.run(cpu, precision);
      for (int i = 0; i < expected.length; i++) {
        assertThat((double) Math.abs(actual[i] - expected[i]))
            .as("%s, %s, element %d: %s, expected %s", call, precision, i, actual[i], expected[i])
            .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(expected[i])));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void aRowDoesNotDependOnTheRowsBesideIt(TestBackend tested) {
    PrefillCase all = PrefillCase.gaussian(SMALL, 230, 230, new int[] {0, 1, 40, 90}, 8);
    AttentionPrecision precision = INT4.withWindow(64).withValue(ValuePrecision.E4M3);
    try (KernelBackend backend = tested.open()) {
      float[] expected = all.run(backend, precision);
      for (int rows : new int[] {1, 2, 37, 64, 100}) {
        float[] actual = all.withRows(rows).run(backend, precision);
        float[] tail =
            Arrays.copyOfRange(expected, expected.length - actual.length, expected.length);
        Closeness.assertSameBits(() -> all.withRows(rows).toString(), actual, tail);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void refusesWhatDoesNotFit(TestBackend tested) {
    PrefillCase call = PrefillCase.gaussian(SMALL, 20, 20, new int[] {3, 3}, 9);
    try (KernelBackend backend = tested.open()) {
      assertThatThrownBy(() -> call.run(backend, INT8))
          .hasMessage("line 3: expected rising positions below 20");
    }
    PrefillCase beyond = PrefillCase.gaussian(SMALL, 20, 20, new int[] {20}, 9);
    try (KernelBackend backend = tested.open()) {
      assertThatThrownBy(() -> beyond.run(backend, INT8))
          .hasMessage("line 20: expected rising positions below 20");
    }
    PrefillCase notFinite = PrefillCase.gaussian(SMALL, 20, 20, new int[0], 9);
    notFinite.q()[70] = Float.NaN;
    try (KernelBackend backend = tested.open(1)) {
      assertThatThrownBy(() -> notFinite.run(backend, INT8))
          .hasMessageContaining("NaN: expected a finite value");
    }
  }

  @Test
  void cpuRefusesOddHeadSizes() {
    try (KernelBackend backend = new CpuBackend(new BackendOptions(1))) {
      assertThatThrownBy(
              () -> backend.prefillAttention(spec(1, 1, 24, AttentionSpec.NO_WINDOW), INT8))
          .hasMessageContaining("headDim 24");
    }
  }

  private static double meanSquaredError(
      TestBackend tested, PrefillCase call, AttentionPrecision precision) {
    double[] exact = call.exact();
    try (KernelBackend backend = tested.open()) {
      float[] actual = call.run(backend, precision);
      double sum = 0;
      for (int i = 0; i < exact.length; i++) {
        sum += (actual[i] - exact[i]) * (actual[i] - exact[i]);
      }
      return sum / exact.length;
    }
  }

  private static void assertClose(
      TestBackend tested,
      PrefillCase call,
      AttentionPrecision precision,
      double[] exact,
      double tolerance) {
    try (KernelBackend backend = tested.open()) {
      float[] actual = call.run(backend, precision);
      double[] tolerances = new double[exact.length];
      for (int i = 0; i < exact.length; i++) {
        tolerances[i] = tolerance * Math.max(1, Math.abs(exact[i]));
      }
      Closeness.assertWithin(() -> call + ", " + precision, actual, exact, tolerances);
    }
  }
}
