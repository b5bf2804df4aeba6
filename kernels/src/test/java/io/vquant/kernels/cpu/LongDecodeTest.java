package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.PagedKvCache;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A long chat: thousands of pages packed, lines coming and going, memory given back. */
class LongDecodeTest {
  private static final int HEAD_DIM = 16;
  private static final int QUERY_HEADS = 2;
  private static final int CHECK_EVERY = 5000;

  /** The vector packer and the scalar one leave the same bytes, step after step. */
  @ParameterizedTest
  @CsvSource({"k4v4, 100000, 1024", "k2v2, 12000, 2147483647", "k8v4, 12000, 2147483647"})
  void theCacheStaysThatOfTheScalarCodecs(String format, int steps, int slidingWindow) {
    AttentionSpec attention = new AttentionSpec(QUERY_HEADS, 1, HEAD_DIM, 0.25f, slidingWindow);
    KvLayerSpec layer =
        new KvLayerSpec(
            KvPolicy.parse(format + ",lines=64,window=64,sinks=2").base(), slidingWindow);
    KvCacheSpec spec = new KvCacheSpec(1, HEAD_DIM, steps, List.of(layer));
    try (CpuBackend backend = new CpuBackend(new BackendOptions(1));
        KvCache vector = backend.kvCache(spec);
        KvCache scalar = new PagedKvCache(spec)) {
      AttentionOperator operator = backend.attention(attention, layer.policy().format());
      Tensor query = backend.matrix(1, QUERY_HEADS * HEAD_DIM);
      Tensor key = backend.matrix(1, HEAD_DIM);
      Tensor value = backend.matrix(1, HEAD_DIM);
      Tensor out = backend.matrix(1, QUERY_HEADS * HEAD_DIM);
      Tensor scalarOut = backend.matrix(1, QUERY_HEADS * HEAD_DIM);
      SplittableRandom random = new SplittableRandom(steps);
      for (int step = 0; step < steps; step++) {
        draw(query, random, 2);
        draw(key, random, random.nextInt(40) == 0 ? 4 : 1);
        draw(value, random, 1);
        step(vector, operator, out, query, key, value);
        step(scalar, operator, scalarOut, query, key, value);
        if (out.segment().mismatch(scalarOut.segment()) != -1) {
          assertThat(out.segment().toArray(ValueLayout.JAVA_FLOAT))
              .as("%s, step %d", format, step)
              .isEqualTo(scalarOut.segment().toArray(ValueLayout.JAVA_FLOAT));
        }
        if ((step + 1) % CHECK_EVERY == 0) {
          assertSamePages((LineKvLayer) vector.layer(0), (LineKvLayer) scalar.layer(0));
          assertThat(vector.byteSize()).isLessThanOrEqualTo(spec.byteSize(step + 1));
        }
      }
      assertThat(vector.length()).isEqualTo(steps);
    }
  }

  private static void draw(Tensor row, SplittableRandom random, double factor) {
    MemorySegment segment = row.segment();
    for (int c = 0; c < row.columns(); c++) {
      segment.set(ValueLayout.JAVA_FLOAT, 4L * c, (float) (random.nextGaussian() * factor));
    }
  }

  private static void step(
      KvCache cache,
      AttentionOperator operator,
      Tensor out,
      Tensor query,
      Tensor key,
      Tensor value) {
    int position = cache.length();
    cache.beginPass(1);
    cache.layer(0).append(key, value, position);
    operator.forward(out, query, cache.layer(0), position);
    cache.endLayer(0);
    cache.endPass();
  }

  private static void assertSamePages(LineKvLayer vector, LineKvLayer scalar) {
    assertThat(vector.firstPackedPage()).isEqualTo(scalar.firstPackedPage());
    assertThat(vector.packedPages()).isEqualTo(scalar.packedPages());
    for (int page = vector.firstPackedPage(); page < vector.packedPages(); page++) {
      assertThat(vector.packedPage(page).mismatch(scalar.packedPage(page)))
          .as("first different byte of page %d", page)
          .isEqualTo(-1);
      assertThat(vector.lineMasks(0)[page]).isEqualTo(scalar.lineMasks(0)[page]);
    }
    assertThat(vector.slabRows(0)).isEqualTo(scalar.slabRows(0));
  }
}
