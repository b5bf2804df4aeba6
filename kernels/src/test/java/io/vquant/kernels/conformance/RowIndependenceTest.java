package io.vquant.kernels.conformance;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.conformance.AttentionCase.Scores;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A row's result is the same to the bit alone, beside any number of rows, in any number of threads
 * and in every run. Speculation, batching and chunked prefill rest on it.
 */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record RowIndependenceTest(TestBackend candidate) {

  /**
   * Computes {@code count} rows from {@code first} on; the result replaces or fills {@code out}.
   */
  @FunctionalInterface
  private interface Rows {
    void compute(Tensor out, Tensor in, int first);
  }

  /** Builds an operator on an open backend. */
  @FunctionalInterface
  private interface Operator {
    Rows open(KernelBackend backend);
  }

  @ParameterizedTest
  @EnumSource
  void linear(DType dtype) {
    assumeTrue(candidate.rowsIndependent(), "a host device's promise");
    SplittableRandom random = new SplittableRandom(dtype.name().hashCode());
    for (int inFeatures : Sizes.FEATURES) {
      int outFeatures = Sizes.any(random, 1, 3, 16, 17, 65, 100, 255);
      float[] w = ValuePattern.NORMAL.draw(random, dtype, outFeatures * inFeatures);
      float[] b = ValuePattern.NORMAL.draw(random, dtype, outFeatures);
      Tensor weight = StoredMatrix.of(dtype, outFeatures, inFeatures, w, true).tensor();
      Tensor bias = StoredMatrix.of(dtype, 1, outFeatures, b, true).tensor();
      check(
          "linear %s [%d, %d]".formatted(dtype, outFeatures, inFeatures),
          Sizes.any(random, 5, 8, 9, 16, 33, 65),
          inFeatures,
          outFeatures,
          backend -> {
            LinearOperator linear = backend.linear(weight, bias);
            return (out, in, first) -> linear.forward(out, in);
          });
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 100, 576})
  void rowwiseOperators(int size) {
    float[] w = ValuePattern.NORMAL.draw(new SplittableRandom(size), size);
    Tensor weight = StoredMatrix.of(1, size, w).tensor();
    check(
        "rmsNorm " + size,
        33,
        size,
        size,
        backend -> {
          var norm = backend.rmsNorm(weight, 1e-6f);
          return (out, in, first) -> norm.forward(out, in);
        });
    check(
        "gatedActivation " + size,
        33,
        size,
        size,
        backend -> {
          var gated = backend.gatedActivation();
          return (out, in, first) -> gated.forward(out, in, in);
        });
  }

  @Test
  void rotary() {
    RotarySpec spec = new RotarySpec(6, List.of(1f, 0.1f, 0.01f), 1f);
    check(
        "rotary",
        33,
        18,
        18,
        backend -> {
          var rotary = backend.rotary(spec);
          return (out, in, first) -> {
            backend.copy(out, in);
            rotary.forward(out, 1000 + first);
          };
        });
  }

  /** One pass over many rows is prefill; a row at a time is decode. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void attention(DType cacheType) {
    assumeTrue(candidate.rowsIndependent(), "a host device's promise");
    SplittableRandom random = new SplittableRandom(cacheType.name().hashCode());
    for (int headDim : new int[] {16, 30, 64, 80, 128}) {
      for (int window : new int[] {1, 16, 100, AttentionSpec.NO_WINDOW}) {
        int kvHeads = Sizes.any(random, 1, 2, 3);
        int group = Sizes.any(random, 1, 2, 3, 5, 8);
        AttentionSpec spec = new AttentionSpec(kvHeads * group, kvHeads, headDim, 0.1f, window);
        int start = random.nextInt(150);
        int rows = Sizes.any(random, 3, 8, 17, 33);
        AttentionCase problem =
            new AttentionCase(spec, cacheType, Scores.NORMAL, start, rows, 0, random.nextLong());
        checkAttention(problem);
      }
    }
  }

  private void checkAttention(AttentionCase problem) {
    float[] together = attend(problem, 2, problem.rows(), false);
    String what = candidate + " " + problem;
    for (int chunk : new int[] {problem.rows(), 3, 1}) {
      assertSame(what + " in chunks of " + chunk, attend(problem, 2, chunk, true), together);
    }
    assertSame(what + " in one thread", attend(problem, 1, problem.rows(), false), together);
  }

  /**
   * Attention over the rows of a problem, some at a time.
   *
   * @param stepwise whether the keys and values of a chunk are appended just before it is computed
   */
  private float[] attend(AttentionCase problem, int threads, int chunk, boolean stepwise) {
    int width = problem.queryWidth();
    int keyWidth = problem.keyWidth();
    try (KernelBackend backend = candidate.open(threads);
        KvCache cache =
            backend.kvCache(
                new KvCacheSpec(
                    1,
                    problem.spec().numKvHeads(),
                    problem.spec().headDim(),
                    problem.length(),
                    problem.cacheType()))) {
      float[] keyValues = problem.cached(problem.keys());
      float[] valueValues = problem.cached(problem.values());
      Tensor keys = Activations.of(backend, problem.length(), keyWidth, keyValues).tensor();
      Tensor values = Activations.of(backend, problem.length(), keyWidth, valueValues).tensor();
      Tensor q = Activations.of(backend, problem.rows(), width, problem.queries()).tensor();
      Activations out = Activations.output(backend, problem.rows(), width, false);
      var attention = backend.attention(problem.spec(), problem.cacheType());
      int cached = stepwise ? problem.startPosition() : problem.length();
      cache.layer(0).append(keys.rows(0, cached), values.rows(0, cached), 0);
      for (int row = 0; row < problem.rows(); row += chunk) {
        int count = Math.min(chunk, problem.rows() - row);
        int position = problem.startPosition() + row;
        if (stepwise) {
          cache.layer(0).append(keys.rows(position, count), values.rows(position, count), position);
        }
        attention.forward(
            out.tensor().rows(row, count), q.rows(row, count), cache.layer(0), position);
      }
      return out.read();
    }
  }

  private void check(String name, int rows, int inColumns, int outColumns, Operator operator) {
    String what = "%s %s, %d rows".formatted(candidate, name, rows);
    float[] x = ValuePattern.NORMAL.draw(new SplittableRandom(rows), rows * inColumns);
    float[] expected;
    try (KernelBackend backend = candidate.open(2)) {
      Rows opened = operator.open(backend);
      Tensor in = Activations.of(backend, rows, inColumns, x).tensor();
      expected = compute(backend, opened, in, outColumns, rows);
      for (int chunk : new int[] {rows, 3, 1}) {
        assertSame(
            what + " in chunks of " + chunk,
            compute(backend, opened, in, outColumns, chunk),
            expected);
      }
    }
    try (KernelBackend backend = candidate.open(1)) {
      Tensor in = Activations.of(backend, rows, inColumns, x).tensor();
      assertSame(
          what + " in one thread",
          compute(backend, operator.open(backend), in, outColumns, rows),
          expected);
    }
  }

  private static float[] compute(
      KernelBackend backend, Rows operator, Tensor in, int outColumns, int chunk) {
    Activations out = Activations.output(backend, in.rows(), outColumns, false);
    for (int row = 0; row < in.rows(); row += chunk) {
      int count = Math.min(chunk, in.rows() - row);
      operator.compute(out.tensor().rows(row, count), in.rows(row, count), row);
    }
    return out.read();
  }

  private static void assertSame(String what, float[] actual, float[] expected) {
    Closeness.assertSameBits(() -> what, actual, expected);
  }
}
