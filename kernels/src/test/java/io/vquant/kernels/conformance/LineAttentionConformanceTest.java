package io.vquant.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.LineBudget;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.LineScore;
import io.vquant.kernels.kvcache.LineScores;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.quant.HadamardTransform;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Attention over layers that pack, in every format: a prompt, single rows and a second prompt, over
 * lines, packed pages and hot tokens, against {@link LineAttentionOracle}. What no row may see is
 * NaN.
 */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record LineAttentionConformanceTest(TestBackend candidate) {

  private static final ValueLayout.OfShort BF16 = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final int[] HEAD_DIMS = {64, 16, 128, 80, 48, 256, 112, 96, 32, 192};
  private static final int[] GROUPS = {3, 1, 4, 2, 7, 16, 5, 9};
  private static final int[] PASSES = {200, 1, 1, 37, 1};

  /** Rows of a pass that are attended, its last: all that are observed, and some more. */
  private static final int ATTENDED = 70;

  private static final int WINDOW = 64;

  /** Kinds of queries and keys a format is tried with; another format with others. */
  private static final int KINDS = 3;

  /** Kinds of queries and keys. */
  private enum Kind {
    NORMAL,
    /** Scores around +-1e4: one key takes all. */
    HUGE,
    /** The mean of the values. */
    ZERO_QUERIES,
    /** Codes of one level: scales are 0. */
    CONSTANT_KEYS,
    /** Most of it below the smallest normal number. */
    TINY_QUERIES
  }

  static Stream<KvFormat> packedFormats() {
    return KvFormats.ALL.stream().filter(format -> !format.isPlain());
  }

  @ParameterizedTest
  @MethodSource("packedFormats")
  void equalsAttentionOverTheDecodedCache(KvFormat format) {
    SplittableRandom random = new SplittableRandom(format.name().hashCode());
    int first = random.nextInt(HEAD_DIMS.length);
    for (int round = 0; round < KINDS; round++) {
      int i = (first + round) % Kind.values().length;
      int headDim = HEAD_DIMS[(first + i) % HEAD_DIMS.length];
      int group = GROUPS[random.nextInt(GROUPS.length)];
      if (headDim > 96) {
        group = 1 + group % 4;
      }
      int kvHeads = group > 4 || headDim > 128 ? 1 : 2;
      int slidingWindow = i % 3 == 1 ? 150 : AttentionSpec.NO_WINDOW;
      AttentionSpec spec =
          new AttentionSpec(
              kvHeads * group, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), slidingWindow);
      LineScore score = i % 2 == 0 ? LineScore.SQUARED_WEIGHT : LineScore.WEIGHT;
      LineBudget lines = i == 2 ? LineBudget.NONE : LineBudget.ofCount(70);
      KvLayerPolicy policy = new KvLayerPolicy(format, WINDOW, 4, lines, score, i != 3, i != 4);
      check(spec, policy, Kind.values()[i], random.nextLong());
    }
  }

  private void check(AttentionSpec spec, KvLayerPolicy policy, Kind kind, long seed) {
    KvCacheSpec cacheSpec =
        new KvCacheSpec(
            spec.numKvHeads(),
            spec.headDim(),
            1024,
            List.of(new KvLayerSpec(policy, spec.slidingWindow())));
    SplittableRandom random = new SplittableRandom(seed);
    try (KernelBackend backend = candidate.open();
        KvCache cache = backend.kvCache(cacheSpec)) {
      var attention = backend.attention(spec, policy.format());
      for (int rows : PASSES) {
        int start = cache.length();
        cache.beginPass(rows);
        KvLayer layer = cache.layer(0);
        int width = spec.numKvHeads() * spec.headDim();
        layer.append(
            matrix(backend, keys(random, rows, width, kind)),
            matrix(backend, draw(random, rows, width, 1)),
            start);
        DeviceLineLayers.editLastTile(layer, (tile, used) -> poison(spec, tile, used));
        int attended = Math.min(rows, ATTENDED);
        int first = start + rows - attended;
        float[][] q = draw(random, attended, spec.numQueryHeads() * spec.headDim(), factor(kind));
        Activations out = Activations.output(backend, attended, q[0].length, true);
        attention.forward(out.tensor(), matrix(backend, q), layer, first);
        String what =
            "%s %s %s %s, seed %d, positions %d + %d"
                .formatted(candidate, policy, spec, kind, seed, first, attended);
        compare(what, spec, DeviceLineLayers.contents(cacheSpec, layer), q, first, out.read());
        cache.endLayer(0);
        cache.endPass();
      }
    }
  }

  private static float factor(Kind kind) {
    return switch (kind) {
      case HUGE -> 1e4f;
      case ZERO_QUERIES -> 0f;
      case TINY_QUERIES -> 0x1p-125f;
      default -> 2f;
    };
  }

  private static float[][] keys(SplittableRandom random, int rows, int width, Kind kind) {
    float[][] keys = draw(random, rows, width, 1);
    for (float[] row : keys) {
      for (int c = 0; c < width; c++) {
        row[c] = kind == Kind.CONSTANT_KEYS ? 0.75f : row[c] + (c % 5 == 0 ? 4 : 0);
      }
    }
    return keys;
  }

  private static float[][] draw(SplittableRandom random, int rows, int width, float factor) {
    float[][] matrix = new float[rows][width];
    for (float[] row : matrix) {
      float rowFactor = random.nextInt(16) == 0 ? 3 * factor : factor;
      for (int c = 0; c < width; c++) {
        row[c] = (float) random.nextGaussian() * rowFactor;
      }
    }
    return matrix;
  }

  private static Tensor matrix(KernelBackend backend, float[][] rows) {
    int width = rows[0].length;
    float[] all = new float[rows.length * width];
    for (int r = 0; r < rows.length; r++) {
      System.arraycopy(rows[r], 0, all, r * width, width);
    }
    return Activations.of(backend, rows.length, width, all, true).tensor();
  }

  /** Makes what lies behind the last row of the last tile NaN. */
  private static void poison(AttentionSpec spec, MemorySegment tile, int used) {
    PageLayout layout = new PageLayout(spec.numKvHeads(), spec.headDim(), DType.BF16);
    for (int head = 0; head < layout.numKvHeads(); head++) {
      for (int slot = used; slot < PageLayout.TOKENS; slot++) {
        for (int c = 0; c < layout.headDim(); c++) {
          long key = layout.keysOffset(head) + 2L * (c * PageLayout.TOKENS + slot);
          tile.set(BF16, key, (short) 0x7fc0);
          long value = layout.valuesOffset(head) + 2L * (slot * layout.headDim() + c);
          tile.set(BF16, value, (short) 0x7fc0);
        }
      }
    }
  }

  private void compare(
      String what, AttentionSpec spec, LineKvLayer layer, float[][] q, int start, float[] actual) {
    double[] exact = new double[actual.length];
    double[] tolerance = new double[actual.length];
    for (int kvHead = 0; kvHead < spec.numKvHeads(); kvHead++) {
      StoredHead stored = StoredHead.read(layer, kvHead);
      LineAttentionOracle oracle =
          new LineAttentionOracle(spec, candidate.packedArithmetic(), stored);
      ObservedScores scores = new ObservedScores(layer, candidate.packedArithmetic(), kvHead);
      for (int row = 0; row < q.length; row++) {
        for (int i = 0; i < spec.groupSize(); i++) {
          int at = (kvHead * spec.groupSize() + i) * spec.headDim();
          float[] query = transformed(q[row], at, spec.headDim(), layer.keyTransform());
          int out = row * q[row].length + at;
          oracle.attend(exact, tolerance, out, query, start + row, layer.valueTransform());
          scores.add(oracle, start + row);
        }
      }
      scores.compare(what);
    }
    Closeness.assertWithin(() -> what, actual, exact, tolerance);
  }

  private static float[] transformed(
      float[] row, int from, int headDim, HadamardTransform transform) {
    float[] query = Arrays.copyOfRange(row, from, from + headDim);
    if (transform != null) {
      transform.apply(query, 0);
    }
    return query;
  }

  /** Sums of attention weights of the observed rows, and how far off they may be. */
  private static final class ObservedScores {
    private final LineKvLayer layer;
    private final ErrorBound arithmetic;
    private final int kvHead;
    private final double[] sums;
    private final double[] errors;
    private int rows;

    ObservedScores(LineKvLayer layer, ErrorBound arithmetic, int kvHead) {
      this.layer = layer;
      this.arithmetic = arithmetic;
      this.kvHead = kvHead;
      sums = new double[layer.length()];
      errors = new double[layer.length()];
    }

    void add(LineAttentionOracle oracle, int position) {
      if (position < layer.observedFrom()) {
        return;
      }
      rows++;
      boolean squares = layer.spec().policy().score() == LineScore.SQUARED_WEIGHT;
      for (int j = 0; j < position - LineScores.MIN_AGE; j++) {
        double weight = oracle.weights()[j];
        // A weight is divided by a sum of all of them; then it is squared and stored.
        double off = arithmetic.gamma(LineAttentionOracle.weightRoundings(position + 1));
        double most = (weight + oracle.weightErrors()[j]) * (1 + off) * (1 + 0x1p-24);
        double value = squares ? weight * weight : weight;
        sums[j] += value;
        errors[j] += (squares ? most * most : most) - value + 2 * Float.MIN_NORMAL;
      }
    }

    void compare(String what) {
      LineScores scores = layer.scores();
      for (int j = layer.hotStart(); j < layer.length(); j++) {
        int at = scores.hotIndex(kvHead) + j - layer.hotStart();
        compare(what + ", hot position " + j, scores.hotSums()[at], j);
      }
      for (int r = 0; r < layer.slabRows(kvHead); r++) {
        int at = scores.slabIndex(kvHead) + r;
        compare(what + ", slab row " + r, scores.slabSums()[at], layer.slabPosition(kvHead, r));
      }
    }

    private void compare(String what, float actual, int position) {
      double rounding = ErrorBound.SINGLE.gamma(rows + 2L) * (sums[position] + errors[position]);
      assertThat(Math.abs(actual - sums[position]))
          .as("%s: sum of weights %s, expected %s", what, actual, sums[position])
          .isLessThanOrEqualTo(errors[position] + rounding);
    }
  }
}
