package io.vquant.kernels.conformance;

import static io.vquant.kernels.conformance.Closeness.assertWithin;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.RotarySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record RotaryConformanceTest(TestBackend candidate) {

  /** 16777217 is the first integer that float32 does not hold. */
  private static final int[] START_POSITIONS = {0, 1, 63, 511, 4095, 131_071, 16_777_217};

  @ParameterizedTest
  @ValueSource(ints = {2, 6, 16, 64, 80, 96, 128})
  void everyHeadSizeAndPosition(int headDim) {
    try (KernelBackend backend = candidate.open()) {
      for (int start : START_POSITIONS) {
        for (ValuePattern pattern : ValuePattern.values()) {
          long seed = Sizes.seed(start, pattern);
          SplittableRandom random = new SplittableRandom(seed);
          int rows = Sizes.any(random, 1, 2, 3, 9);
          int heads = Sizes.any(random, 1, 3, 5);
          float scaling = random.nextBoolean() ? 1f : 1.2079f;
          RotarySpec spec = new RotarySpec(headDim, frequencies(headDim), scaling);
          int width = heads * headDim;
          float[] x = pattern.draw(random, rows * width);
          Activations values = Activations.of(backend, rows, width, x, random.nextBoolean());
          backend.rotary(spec).forward(values.tensor(), start);
          String what =
              "%s rotary [%d, %d * %d] from %d, %s, seed %d"
                  .formatted(candidate, rows, heads, headDim, start, pattern, seed);
          compare(what, spec, values.read(), x, width, start);
        }
      }
    }
  }

  private static List<Float> frequencies(int headDim) {
    List<Float> frequencies = new ArrayList<>();
    for (int i = 0; i < headDim; i += 2) {
      frequencies.add((float) Math.pow(10_000, -i / (double) headDim));
    }
    return frequencies;
  }

  /**
   * Every backend rounds each step to float32: cosine, its scaling, the product and the sum are
   * four roundings on each term's way.
   */
  private static void compare(
      String what, RotarySpec spec, float[] actual, float[] x, int width, int start) {
    double[] exact = new double[x.length];
    double[] tolerance = new double[x.length];
    int half = spec.headDim() / 2;
    for (int i = 0; i < x.length; i++) {
      int channel = i % width % spec.headDim();
      boolean first = channel < half;
      float angle = (float) (start + i / width) * spec.inverseFrequencies().get(channel % half);
      double along = x[i] * StrictMath.cos(angle) * spec.attentionScaling();
      double partner = first ? -x[i + half] : x[i - half];
      double across = partner * StrictMath.sin(angle) * spec.attentionScaling();
      exact[i] = along + across;
      double magnitude = Math.abs(along) + Math.abs(across);
      tolerance[i] =
          ErrorBound.SINGLE.sumOfProducts(4, magnitude)
              + ErrorBound.DOUBLE.sumOfProducts(6, magnitude);
    }
    assertWithin(() -> what, actual, exact, tolerance);
  }
}
