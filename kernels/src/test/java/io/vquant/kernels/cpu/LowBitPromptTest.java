package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.LineCriterion;
import io.vquant.kernels.attention.LineRanking;
import io.vquant.kernels.attention.LowBitKeys;
import io.vquant.kernels.attention.ObservationScores;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.quant.SymmetricInt;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Low-bit attention of prompts over a layer that packs. */
class LowBitPromptTest {

  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT;
  private static final int HEAD_DIM = 48;
  private static final AttentionSpec SPEC =
      new AttentionSpec(4, 2, HEAD_DIM, (float) Math.pow(HEAD_DIM, -0.5), AttentionSpec.NO_WINDOW);
  private static final KvLayerPolicy POLICY = KvLayerPolicy.of(KvFormats.parse("k8v8"));
  private static final long SEED = 77;

  private static CpuBackend backend(Optional<SymmetricInt> prefill) {
    return new CpuBackend(new BackendOptions(2, prefill));
  }

  private static KvCache cache(KernelBackend backend) {
    return backend.kvCache(
        new KvCacheSpec(
            2, HEAD_DIM, 2000, List.of(new KvLayerSpec(POLICY, AttentionSpec.NO_WINDOW))));
  }

  /** Rows that follow from their positions; keys with an offset that smoothing takes away. */
  private static Tensor rows(KernelBackend backend, int start, int count, int heads, int kind) {
    Tensor tensor = backend.matrix(count, heads * HEAD_DIM);
    for (int row = 0; row < count; row++) {
      SplittableRandom random = new SplittableRandom(SEED + 1000L * kind + start + row);
      for (int i = 0; i < heads * HEAD_DIM; i++) {
        float offset = kind == 1 && i % 7 == 0 ? 3 : 0;
        float value = (float) random.nextGaussian() * (kind == 0 ? 1.5f : 1) + offset;
        tensor.segment().set(F32, tensor.rowByteOffset(row) + 4L * i, value);
      }
    }
    return tensor;
  }

  /** Runs a pass through one layer, and returns its output. */
  private static float[] pass(KernelBackend backend, KvCache cache, int count) {
    int start = cache.length();
    cache.beginPass(count);
    Tensor keys = rows(backend, start, count, 2, 1);
    cache.layer(0).append(keys, rows(backend, start, count, 2, 2), start);
    Tensor out = backend.matrix(count, 4 * HEAD_DIM);
    Tensor queries = rows(backend, start, count, 4, 0);
    backend.attention(SPEC, POLICY.format()).forward(out, queries, cache.layer(0), start);
    cache.endLayer(0);
    cache.endPass();
    return out.segment().toArray(F32);
  }

  /** The stored keys and values, not transformed yet, through the specification. */
  private static float[] expected(KernelBackend backend, KvCache cache, SymmetricInt format) {
    LineKvLayer layer = (LineKvLayer) cache.layer(0);
    int tokens = layer.length();
    try (KernelBackend reference = new ReferenceBackend()) {
      Tensor k = reference.matrix(tokens, 2 * HEAD_DIM);
      Tensor v = reference.matrix(tokens, 2 * HEAD_DIM);
      float[] keys = new float[tokens * HEAD_DIM];
      float[] values = new float[tokens * HEAD_DIM];
      for (int head = 0; head < 2; head++) {
        layer.readHead(head, keys, values);
        for (int i = 0; i < keys.length; i++) {
          long at = 4L * (i / HEAD_DIM * 2 * HEAD_DIM + head * HEAD_DIM + i % HEAD_DIM);
          k.segment().set(F32, at, keys[i]);
          v.segment().set(F32, at, values[i]);
        }
      }
      Tensor q = rows(backend, 0, tokens, 4, 0);
      double[][] scores = ObservationScores.of(LineCriterion.SQUARED_WEIGHT, SPEC, q, k);
      int[][] lines = new int[2][];
      for (int head = 0; head < 2; head++) {
        lines[head] = LineRanking.of(scores[head], 128).first(POLICY.lines().at(tokens));
      }
      Tensor out = reference.matrix(tokens, 4 * HEAD_DIM);
      AttentionPrecision precision = AttentionPrecision.of(format).withTransform(true, true);
      reference.prefillAttention(SPEC, precision).forward(out, q, k, v, lines);
      return out.segment().toArray(F32);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFirstPromptEqualsTheSpecification(SymmetricInt format) {
    int tokens = 330;
    try (CpuBackend lowBit = backend(Optional.of(format));
        KvCache cache = cache(lowBit)) {
      cache.beginPass(tokens);
      LineKvLayer layer = (LineKvLayer) cache.layer(0);
      layer.append(rows(lowBit, 0, tokens, 2, 1), rows(lowBit, 0, tokens, 2, 2), 0);
      Tensor out = lowBit.matrix(tokens, 4 * HEAD_DIM);
      lowBit.attention(SPEC, POLICY.format()).forward(out, rows(lowBit, 0, tokens, 4, 0), layer, 0);
      float[] expected = expected(lowBit, cache, format); // nothing is packed before the end
      assertNear(out.segment().toArray(F32), expected, 2e-5);
    }
  }

  /** Packed pages, slab and hot tokens together; the mean is frozen after the first pass. */
  @Test
  void laterPromptsReadOlderPagesAndAreNearExact() {
    try (CpuBackend exact = backend(Optional.empty());
        CpuBackend lowBit = backend(Optional.of(SymmetricInt.INT8));
        KvCache exactCache = cache(exact);
        KvCache lowBitCache = cache(lowBit)) {
      for (int count : new int[] {400, 130, 1, 300}) {
        float[] expected = pass(exact, exactCache, count);
        float[] actual = pass(lowBit, lowBitCache, count);
        assertNear(actual, expected, 0.05);
        double error = 0;
        for (int i = 0; i < actual.length; i++) {
          error += Math.pow(actual[i] - expected[i], 2) / actual.length;
        }
        assertThat(error).as("pass of %d", count).isLessThan(2e-5);
        if (count == 1) {
          assertThat(actual).as("a step of decoding is exact").containsExactly(expected);
        } else {
          assertThat(error).as("pass of %d computed in low bits", count).isGreaterThan(1e-9);
        }
      }
      LineKvLayer a = (LineKvLayer) exactCache.layer(0);
      LineKvLayer b = (LineKvLayer) lowBitCache.layer(0);
      assertThat(b.packedPages()).isEqualTo(a.packedPages()).isGreaterThan(5);
      for (int row = 0; row < a.slabRows(1); row++) {
        assertThat(b.slabPosition(1, row)).isEqualTo(a.slabPosition(1, row));
      }
    }
  }

  @Test
  void theObserverEqualsTheSpecification() {
    for (int slidingWindow : new int[] {AttentionSpec.NO_WINDOW, 100}) {
      AttentionSpec spec = new AttentionSpec(4, 2, HEAD_DIM, 0.15f, slidingWindow);
      try (CpuBackend backend = backend(Optional.empty());
          CpuContext context = new CpuContext(1)) {
        int tokens = 205;
        Tensor q = rows(backend, 0, tokens, 4, 0);
        Tensor k = rows(backend, 0, tokens, 2, 1);
        for (LineCriterion criterion :
            List.of(LineCriterion.SQUARED_WEIGHT, LineCriterion.WEIGHT)) {
          double[][] expected = ObservationScores.of(criterion, spec, q, k);
          for (int head = 0; head < 2; head++) {
            double[] actual = observe(context, spec, q, k, head, criterion);
            for (int j = 0; j < tokens; j++) {
              assertThat(actual[j])
                  .as("%s, head %d, token %d, sliding window %d", criterion, head, j, slidingWindow)
                  .isCloseTo(expected[head][j], within(1e-5 * expected[head][j] + 1e-12));
            }
          }
        }
      }
    }
  }

  private static double[] observe(
      CpuContext context,
      AttentionSpec spec,
      Tensor q,
      Tensor k,
      int head,
      LineCriterion criterion) {
    int tokens = k.rows();
    AttentionPrecision plain = AttentionPrecision.of(SymmetricInt.INT8).withTransform(false, false);
    LowBitKeys keys = new LowBitKeys(HEAD_DIM, plain);
    float[] rows = keys.buffer(tokens);
    for (int i = 0; i < tokens * HEAD_DIM; i++) {
      long at = 4L * (i / HEAD_DIM * 2 * HEAD_DIM + head * HEAD_DIM + i % HEAD_DIM);
      rows[i] = k.segment().get(F32, at);
    }
    keys.transform(tokens);
    PrefillTiles tiles = new PrefillTiles(HEAD_DIM, plain);
    LineObserver observer = new LineObserver(spec);
    long memory =
        context.sharedScratch(
            PrefillTiles.byteSize(HEAD_DIM, tokens, 0) + observer.scratchByteSize());
    tiles.setKeys(memory + observer.scratchByteSize(), keys);
    float[] queries = new float[64 * 2 * HEAD_DIM];
    for (int i = 0; i < queries.length; i++) {
      int row = i / HEAD_DIM / 2;
      long column = (long) (head * 2 + i / HEAD_DIM % 2) * HEAD_DIM + i % HEAD_DIM;
      long at = 4 * ((long) (tokens - 64 + row) * 4 * HEAD_DIM + column);
      queries[i] = (float) (q.segment().get(F32, at) * spec.softmaxScale() / Math.log(2));
    }
    boolean squared = criterion == LineCriterion.SQUARED_WEIGHT;
    return observer.scores(memory, tiles, queries, tokens - 64, 64, squared);
  }

  private static void assertNear(float[] actual, float[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat((double) Math.abs(actual[i] - expected[i]))
          .as("seed %d, element %d: %s, expected %s", SEED, i, actual[i], expected[i])
          .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(expected[i])));
    }
  }
}
