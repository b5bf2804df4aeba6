package io.vquant.kernels.conformance;

import static io.vquant.kernels.conformance.Closeness.assertSameBits;
import static io.vquant.kernels.conformance.Closeness.assertWithin;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.conformance.AttentionCase.Scores;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.tensor.DType;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record AttentionConformanceTest(TestBackend candidate) {

  private static final int[] GROUP_SIZES = {1, 2, 3, 5, 7, 8};
  private static final int[] WINDOWS = {1, 16, 64, 100, AttentionSpec.NO_WINDOW};

  @ParameterizedTest
  @ValueSource(ints = {16, 32, 64, 80, 96, 128})
  void everyHeadSizeGroupSizeAndWindow(int headDim) {
    try (KernelBackend backend = candidate.open()) {
      for (int groupSize : GROUP_SIZES) {
        for (int window : WINDOWS) {
          SplittableRandom random = new SplittableRandom(headDim + 1000L * groupSize + window);
          for (Scores scores : List.of(Scores.NORMAL, anyScores(random))) {
            AttentionSpec spec = spec(Sizes.any(random, 1, 2, 3), groupSize, headDim, window);
            int start = random.nextInt(140);
            int rows = Sizes.any(random, 1, 1, 2, 3, 9, 17);
            int later = Sizes.any(random, 0, 0, 3, 70);
            DType cacheType = random.nextBoolean() ? DType.F32 : DType.BF16;
            check(
                backend,
                new AttentionCase(spec, cacheType, scores, start, rows, later, random.nextLong()));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void everyCacheLengthTo200(DType cacheType) {
    try (KernelBackend backend = candidate.open()) {
      AttentionSpec spec = spec(1, 3, 16, AttentionSpec.NO_WINDOW);
      for (int length = 1; length <= 200; length++) {
        check(backend, new AttentionCase(spec, cacheType, Scores.NORMAL, length - 1, 1, 0, length));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 100, Integer.MAX_VALUE})
  void longCaches(int window) {
    try (KernelBackend backend = candidate.open()) {
      for (Scores scores : Scores.values()) {
        AttentionSpec spec = spec(1, 2, 64, window);
        check(backend, new AttentionCase(spec, DType.F32, scores, 1100, 33, 0, 1));
        check(backend, new AttentionCase(spec, DType.BF16, scores, 2000, 1, 1, 2));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {64, 96, 128})
  void promptsOfManyBlocks(int headDim) {
    int[][] startsAndRows = {{0, 129}, {0, 320}, {3, 257}, {70, 200}, {300, 65}};
    try (KernelBackend backend = candidate.open()) {
      for (int[] prompt : startsAndRows) {
        for (int window : new int[] {1, 100, AttentionSpec.NO_WINDOW}) {
          SplittableRandom random = new SplittableRandom(1000L * prompt[1] + window);
          for (Scores scores : List.of(Scores.NORMAL, anyScores(random))) {
            AttentionSpec spec = spec(1, 2, headDim, window);
            int later = Sizes.any(random, 0, 3, 70);
            check(
                backend,
                new AttentionCase(
                    spec, DType.BF16, scores, prompt[0], prompt[1], later, random.nextLong()));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 30, 65, 100})
  void oddHeadSizes(int headDim) {
    try (KernelBackend backend = candidate.open()) {
      AttentionSpec spec = spec(2, 3, headDim, AttentionSpec.NO_WINDOW);
      check(backend, new AttentionCase(spec, DType.F32, Scores.NORMAL, 60, 7, 2, headDim));
      check(backend, new AttentionCase(spec, DType.BF16, Scores.NORMAL, 130, 3, 0, headDim));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 63, 64, 100, 199})
  void oneHotSoftmaxCopiesTheValueExactly(int chosen) {
    // Scores are 1e4 at one key and -1e4 at all others: every other weight is exactly zero.
    int headDim = 32;
    int length = 200;
    float[] keys = new float[length * headDim];
    for (int i = 0; i < length; i++) {
      keys[i * headDim] = i == chosen ? 1e4f : -1e4f;
    }
    float[] values =
        ValuePattern.NORMAL.draw(new SplittableRandom(chosen), DType.BF16, length * headDim);
    float[] q = new float[2 * headDim];
    q[0] = 1;
    q[headDim] = 1;
    AttentionSpec spec = new AttentionSpec(2, 1, headDim, 1f, AttentionSpec.NO_WINDOW);
    for (DType cacheType : new DType[] {DType.F32, DType.BF16}) {
      try (KernelBackend backend = candidate.open();
          KvCache cache = backend.kvCache(new KvCacheSpec(1, 1, headDim, length, cacheType))) {
        cache
            .layer(0)
            .append(
                Activations.of(backend, length, headDim, keys).tensor(),
                Activations.of(backend, length, headDim, values).tensor(),
                0);
        Activations out = Activations.output(backend, 1, 2 * headDim, false);
        backend
            .attention(spec, cacheType)
            .forward(
                out.tensor(),
                Activations.of(backend, 1, 2 * headDim, q).tensor(),
                cache.layer(0),
                length - 1);
        float[] expected = new float[2 * headDim];
        System.arraycopy(values, chosen * headDim, expected, 0, headDim);
        System.arraycopy(values, chosen * headDim, expected, headDim, headDim);
        assertSameBits(() -> candidate + " " + cacheType + " key " + chosen, out.read(), expected);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void tokensForgottenByTruncationHaveNoInfluence(DType cacheType) {
    // Their NaN stays in the page beside the tokens that are left.
    AttentionSpec spec = spec(1, 2, 16, AttentionSpec.NO_WINDOW);
    AttentionCase problem = new AttentionCase(spec, cacheType, Scores.NORMAL, 69, 1, 50, 7);
    AttentionOracle oracle =
        new AttentionOracle(problem, candidate.arithmetic(problem.cacheType()));
    try (KernelBackend backend = candidate.open();
        KvCache cache = problem.fill(backend, false)) {
      cache.truncate(70);
      Activations out = Activations.output(backend, 1, problem.queryWidth(), false);
      Activations q = Activations.of(backend, 1, problem.queryWidth(), problem.queries());
      backend.attention(spec, cacheType).forward(out.tensor(), q.tensor(), cache.layer(0), 69);
      assertWithin(() -> candidate + " " + problem, out.read(), oracle.exact(), oracle.tolerance());
    }
  }

  private static Scores anyScores(SplittableRandom random) {
    List<Scores> others = List.of(Scores.HUGE, Scores.EQUAL, Scores.ZERO);
    return others.get(random.nextInt(others.size()));
  }

  private static AttentionSpec spec(int numKvHeads, int groupSize, int headDim, int window) {
    float scale = (float) (1 / Math.sqrt(headDim));
    return new AttentionSpec(numKvHeads * groupSize, numKvHeads, headDim, scale, window);
  }

  private void check(KernelBackend backend, AttentionCase problem) {
    AttentionOracle oracle =
        new AttentionOracle(problem, candidate.arithmetic(problem.cacheType()));
    boolean padded = problem.seed() % 2 == 0;
    try (KvCache cache = problem.fill(backend, padded)) {
      int width = problem.queryWidth();
      Activations q = Activations.of(backend, problem.rows(), width, problem.queries(), padded);
      Activations out = Activations.output(backend, problem.rows(), width, padded);
      backend
          .attention(problem.spec(), problem.cacheType())
          .forward(out.tensor(), q.tensor(), cache.layer(0), problem.startPosition());
      assertWithin(() -> candidate + " " + problem, out.read(), oracle.exact(), oracle.tolerance());
    }
  }
}
