package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A step of decoding for several sequences gives each the bits that it gets alone. */
class DecodeTogetherTest {
  private static final int HEAD_DIM = 16;
  private static final int QUERY_HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int TOKENS = 800;
  private static final int STEPS = 40;
  private static final long SEED = 5;

  /** Lengths in no order: within a page, over several spans, packed and not packed yet. */
  private static final int[] STARTS = {0, 3, 690, 17, 64, 400, 150, 512, 33};

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "f32", "k4v4,lines=16,window=64,sinks=2"})
  void eachSequenceGetsWhatItGetsAlone(String policy) {
    AttentionSpec attention =
        new AttentionSpec(QUERY_HEADS, KV_HEADS, HEAD_DIM, 0.25f, Integer.MAX_VALUE);
    KvLayerSpec layer = new KvLayerSpec(KvPolicy.parse(policy).base(), Integer.MAX_VALUE);
    KvCacheSpec spec = new KvCacheSpec(KV_HEADS, HEAD_DIM, TOKENS, List.of(layer));
    int sequences = STARTS.length;
    try (CpuBackend backend = new CpuBackend(new BackendOptions(2))) {
      AttentionOperator operator = backend.attention(attention, layer.policy().format());
      List<KvCache> alone = new ArrayList<>();
      List<KvCache> together = new ArrayList<>();
      for (int start : STARTS) {
        alone.add(filled(backend, spec, operator, start));
        together.add(filled(backend, spec, operator, start));
      }
      SplittableRandom random = new SplittableRandom(SEED);
      for (int step = 0; step < STEPS; step++) {
        Tensor q = random(backend, sequences, QUERY_HEADS, random);
        Tensor keys = random(backend, sequences, KV_HEADS, random);
        Tensor values = random(backend, sequences, KV_HEADS, random);
        Tensor expected = backend.matrix(sequences, QUERY_HEADS * HEAD_DIM);
        Tensor out = backend.matrix(sequences, QUERY_HEADS * HEAD_DIM);
        int[] positions = new int[sequences];
        KvLayer[] layers = new KvLayer[sequences];
        for (int row = 0; row < sequences; row++) {
          positions[row] = together.get(row).length();
          layers[row] = begin(together.get(row), keys.rows(row, 1), values.rows(row, 1));
          KvLayer own = begin(alone.get(row), keys.rows(row, 1), values.rows(row, 1));
          operator.forward(expected.rows(row, 1), q.rows(row, 1), own, positions[row]);
        }
        if (step == STEPS / 2 && !policy.startsWith("k")) { // leaves nothing for the next call
          int[] wrong = positions.clone();
          wrong[sequences - 1] = TOKENS;
          assertThatThrownBy(() -> operator.decode(out, q, layers, wrong))
              .isInstanceOf(IllegalArgumentException.class);
        }
        operator.decode(out, q, layers, positions);
        assertThat(out.segment().toArray(ValueLayout.JAVA_FLOAT))
            .as("%s, step %d, seed %d", policy, step, SEED)
            .isEqualTo(expected.segment().toArray(ValueLayout.JAVA_FLOAT));
        alone.forEach(DecodeTogetherTest::end);
        together.forEach(DecodeTogetherTest::end);
      }
      alone.forEach(KvCache::close);
      together.forEach(KvCache::close);
    }
  }

  private static KvCache filled(
      CpuBackend backend, KvCacheSpec spec, AttentionOperator operator, int tokens) {
    KvCache cache = backend.kvCache(spec);
    SplittableRandom random = new SplittableRandom(tokens);
    Tensor out = backend.matrix(1, QUERY_HEADS * HEAD_DIM);
    Tensor q = random(backend, 1, QUERY_HEADS, random);
    Tensor key = random(backend, 1, KV_HEADS, random);
    Tensor value = random(backend, 1, KV_HEADS, random);
    for (int position = 0; position < tokens; position++) {
      draw(q, random);
      draw(key, random);
      draw(value, random);
      operator.forward(out, q, begin(cache, key, value), position);
      end(cache);
    }
    return cache;
  }

  private static KvLayer begin(KvCache cache, Tensor key, Tensor value) {
    int position = cache.length();
    cache.beginPass(1);
    cache.layer(0).append(key, value, position);
    return cache.layer(0);
  }

  private static void end(KvCache cache) {
    cache.endLayer(0);
    cache.endPass();
  }

  private static Tensor random(CpuBackend backend, int rows, int heads, SplittableRandom random) {
    Tensor matrix = backend.matrix(rows, heads * HEAD_DIM);
    draw(matrix, random);
    return matrix;
  }

  private static void draw(Tensor matrix, SplittableRandom random) {
    for (int row = 0; row < matrix.rows(); row++) {
      for (int column = 0; column < matrix.columns(); column++) {
        long at = 4L * ((long) row * matrix.columns() + column);
        matrix.segment().set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian());
      }
    }
  }
}
