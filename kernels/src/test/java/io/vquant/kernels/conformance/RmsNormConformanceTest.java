package io.vquant.kernels.conformance;

import static io.vquant.kernels.conformance.Closeness.assertWithin;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.DType;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record RmsNormConformanceTest(TestBackend candidate) {

  /** Scales 1e30 to 1e17: squares summed in float32 reach no further. */
  private static final float SQUARABLE = 1e-13f;

  @ParameterizedTest
  @EnumSource
  void everySizeAndPattern(ValuePattern pattern) {
    try (KernelBackend backend = candidate.open()) {
      for (int size : Sizes.FEATURES) {
        long seed = Sizes.seed(size, pattern);
        SplittableRandom random = new SplittableRandom(seed);
        int rows = Sizes.any(random, Sizes.ROWS);
        float epsilon = random.nextBoolean() ? 1e-5f : 1e-6f;
        float[] x = pattern.draw(random, rows * size);
        if (pattern == ValuePattern.LARGE) {
          for (int i = 0; i < x.length; i++) {
            x[i] *= SQUARABLE;
          }
        }
        String what =
            "%s rmsNorm [%d, %d] %s seed %d".formatted(candidate, rows, size, pattern, seed);
        check(backend, what, rows, size, x, epsilon, random);
      }
    }
  }

  private void check(
      KernelBackend backend,
      String what,
      int rows,
      int size,
      float[] x,
      float epsilon,
      SplittableRandom random) {
    DType dtype = Sizes.anyDType(random);
    float[] w = ValuePattern.NORMAL.draw(random, dtype, size);
    StoredMatrix weight = StoredMatrix.of(dtype, 1, size, w, random.nextBoolean());
    boolean padded = random.nextBoolean();
    boolean inPlace = random.nextBoolean();
    Activations in = Activations.of(backend, rows, size, x, padded);
    Activations out = inPlace ? in : Activations.output(backend, rows, size, padded);
    backend.rmsNorm(weight.tensor(), epsilon).forward(out.tensor(), in.tensor());
    compare(what + " " + dtype + (inPlace ? " in place" : ""), size, out.read(), x, w, epsilon);
  }

  private void compare(String what, int size, float[] actual, float[] x, float[] w, float epsilon) {
    double[] exact = new double[x.length];
    double[] tolerance = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      int start = i / size * size;
      double squares = 0;
      for (int k = 0; k < size; k++) {
        squares += (double) x[start + k] * x[start + k];
      }
      double inverse = 1 / Math.sqrt(squares / size + epsilon);
      exact[i] = x[i] * inverse * w[i % size];
      tolerance[i] = tolerance(size, exact[i], inverse, w[i % size]);
    }
    assertWithin(() -> what, actual, exact, tolerance);
  }

  /**
   * All terms under the root are positive, so their sum has the relative error gamma(size + 2) of
   * its products and additions, the division and the epsilon; the root halves it. Then come the
   * root, its inverse and two products. A square that underflows is 2^-150 off, next to an epsilon
   * of 1e-6 less than one rounding. A product that underflows is scaled by the factor that follows.
   */
  private double tolerance(int size, double exact, double inverse, double weight) {
    ErrorBound arithmetic = candidate.elementwise();
    double relative = arithmetic.gamma(size + 2 + 4 + 1) + ErrorBound.DOUBLE.gamma(size + 7);
    double underflow = arithmetic.underflow() * (1 + Math.abs(weight)) * (1 + inverse);
    return ErrorBound.afterStoring(exact, relative * Math.abs(exact) + underflow);
  }
}
