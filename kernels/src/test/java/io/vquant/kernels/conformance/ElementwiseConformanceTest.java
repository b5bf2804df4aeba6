package io.vquant.kernels.conformance;

import static io.vquant.kernels.conformance.Closeness.assertSameBits;
import static io.vquant.kernels.conformance.Closeness.assertWithin;
import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.backend.ArgmaxOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Embedding, residual addition and gated activation. */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record ElementwiseConformanceTest(TestBackend candidate) {

  @ParameterizedTest
  @EnumSource
  void embeddingCopiesRowsExactly(DType dtype) {
    try (KernelBackend backend = candidate.open()) {
      for (ValuePattern pattern : ValuePattern.values()) {
        for (int size : Sizes.FEATURES) {
          SplittableRandom random = new SplittableRandom(Sizes.seed(size, pattern));
          int vocabSize = Sizes.any(random, 1, 2, 7, 50);
          int rows = Sizes.any(random, Sizes.ROWS);
          int first = random.nextInt(3);
          int[] ids = random.ints(rows + 5, 0, vocabSize).toArray();
          float[] values = pattern.draw(random, dtype, vocabSize * size);
          StoredMatrix table =
              StoredMatrix.of(dtype, vocabSize, size, values, random.nextBoolean());
          float[] expected = new float[rows * size];
          for (int row = 0; row < rows; row++) {
            System.arraycopy(values, ids[first + row] * size, expected, row * size, size);
          }
          Activations out = Activations.output(backend, rows, size, random.nextBoolean());
          backend.embedding(table.tensor()).forward(out.tensor(), ids, first);
          assertSameBits(
              () ->
                  "%s embedding [%d, %d] of %d %s"
                      .formatted(candidate, rows, size, vocabSize, pattern),
              out.read(),
              expected);
        }
      }
    }
  }

  @Test
  void argmaxIsTheFirstOfTheLargest() {
    try (KernelBackend backend = candidate.open()) {
      ArgmaxOperator argmax = backend.argmax();
      for (int size : new int[] {1, 2, 31, 257, 2048, 2049, 128_256}) {
        SplittableRandom random = new SplittableRandom(size);
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
          values[i] = -1 - random.nextInt(3);
        }
        int first = random.nextInt(size);
        values[first] = -0f;
        values[first + random.nextInt(size - first)] = 0f;
        values[first] = -0f;
        String what = candidate + " argmax of " + size;
        assertThat(argmax.forward(row(backend, values))).as(what).isEqualTo(first);
        values[random.nextInt(size)] = random.nextBoolean() ? Float.NaN : Float.NEGATIVE_INFINITY;
        assertThat(argmax.forward(row(backend, values))).as(what).isEqualTo(-1);
        Arrays.fill(values, -Float.MAX_VALUE);
        assertThat(argmax.forward(row(backend, values))).as(what).isZero();
      }
    }
  }

  private static Tensor row(KernelBackend backend, float[] values) {
    return Activations.of(backend, 1, values.length, values, false).tensor();
  }

  @ParameterizedTest
  @EnumSource
  void residualAddRoundsOnce(ValuePattern pattern) {
    try (KernelBackend backend = candidate.open()) {
      for (int size : Sizes.FEATURES) {
        SplittableRandom random = new SplittableRandom(Sizes.seed(size, pattern));
        int rows = Sizes.any(random, Sizes.ROWS);
        float[] x = pattern.draw(random, rows * size);
        float[] delta = Sizes.anyPattern(random).draw(random, rows * size);
        float[] expected = new float[x.length];
        for (int i = 0; i < x.length; i++) {
          expected[i] = x[i] + delta[i];
        }
        Activations sum = Activations.of(backend, rows, size, x, random.nextBoolean());
        Activations other = Activations.of(backend, rows, size, delta, random.nextBoolean());
        backend.residualAdd().forward(sum.tensor(), other.tensor());
        String what = "%s residualAdd [%d, %d] %s".formatted(candidate, rows, size, pattern);
        assertSameBits(() -> what, sum.read(), expected);
        assertSameBits(() -> what + " delta", other.read(), delta);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void gatedActivation(ValuePattern pattern) {
    try (KernelBackend backend = candidate.open()) {
      for (int size : Sizes.FEATURES) {
        SplittableRandom random = new SplittableRandom(Sizes.seed(size, pattern));
        int rows = Sizes.any(random, Sizes.ROWS);
        float[] gate = pattern.draw(random, rows * size);
        float[] up = upFor(pattern, random).draw(random, rows * size);
        checkGated(backend, rows, size, gate, up, random);
      }
    }
  }

  /** A pattern whose products with {@code gate} stay below float32's largest number. */
  private static ValuePattern upFor(ValuePattern gate, SplittableRandom random) {
    boolean large = gate == ValuePattern.LARGE || gate == ValuePattern.MIXED;
    ValuePattern up = Sizes.anyPattern(random);
    return large ? ValuePattern.NORMAL : up;
  }

  @ParameterizedTest
  @MethodSource("gatesAroundTheEndsOfExp")
  void gatedActivationWhereExpOverflowsOrVanishes(float gate) {
    try (KernelBackend backend = candidate.open()) {
      for (int size : new int[] {1, 7, 16, 33}) {
        SplittableRandom random = new SplittableRandom(size);
        float[] gates = new float[size];
        Arrays.fill(gates, gate);
        checkGated(backend, 1, size, gates, ValuePattern.NORMAL.draw(random, size), random);
      }
    }
  }

  static float[] gatesAroundTheEndsOfExp() {
    return new float[] {
      0f,
      -0f,
      Float.MIN_VALUE,
      17f,
      -17f,
      87.3f,
      -87.3f,
      88f,
      -88f,
      88.7f,
      -88.7f,
      88.8f,
      -88.8f,
      89f,
      -89f,
      103f,
      -103f,
      104f,
      -104f,
      150f,
      -150f,
      710f,
      -710f,
      1e4f,
      -1e4f,
      1e30f,
      -1e30f
    };
  }

  private void checkGated(
      KernelBackend backend,
      int rows,
      int size,
      float[] gate,
      float[] up,
      SplittableRandom random) {
    boolean inPlace = random.nextBoolean();
    boolean padded = random.nextBoolean();
    Activations in = Activations.of(backend, rows, size, gate, padded);
    Activations other = Activations.of(backend, rows, size, up, random.nextBoolean());
    Activations out = inPlace ? in : Activations.output(backend, rows, size, padded);
    backend.gatedActivation().forward(out.tensor(), in.tensor(), other.tensor());
    double[] exact = new double[gate.length];
    double[] tolerance = new double[gate.length];
    for (int i = 0; i < gate.length; i++) {
      exact[i] = gate[i] / (1 + StrictMath.exp(-(double) gate[i])) * up[i];
      tolerance[i] = gatedTolerance(exact[i], up[i]);
    }
    String what =
        "%s gatedActivation [%d, %d], gate[0] %s, in place %s"
            .formatted(candidate, rows, size, gate[0], inPlace);
    assertWithin(() -> what, out.read(), exact, tolerance);
  }

  /**
   * An exponential within 2 ulp (4 units of roundoff; the sigmoid passes on at most that), an
   * addition, a division or an inverse and a product, and two products: 9 roundings. In float32
   * e^-gate overflows, and e^gate is subnormal, from |gate| = 88 on: a result of zero there is off
   * by up to |gate| e^gate &lt;= 89 * 2^-126.
   */
  private double gatedTolerance(double exact, double up) {
    ErrorBound arithmetic = candidate.elementwise();
    double relative = arithmetic.gamma(9) + ErrorBound.DOUBLE.gamma(9);
    double lost = 89 * ErrorBound.SINGLE.smallestNormal() * Math.abs(up);
    double vanished = arithmetic.equals(ErrorBound.SINGLE) ? lost : 0;
    return ErrorBound.afterStoring(
        exact, relative * Math.abs(exact) + vanished + arithmetic.underflow() * (1 + Math.abs(up)));
  }
}
