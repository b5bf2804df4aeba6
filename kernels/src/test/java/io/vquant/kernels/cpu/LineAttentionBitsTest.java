package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The bits of attention over packed pages: one row alone or beside others, one thread or two, and,
 * since the sums expected here are numbers, vectors of any width (run it with {@code -XX:UseAVX=2}
 * and without).
 */
class LineAttentionBitsTest {

  private static final int ROWS = 41;

  @ParameterizedTest
  @CsvSource({
    "k4v4, 64, 3, 3aed2ffb",
    "k8v8, 64, 1, 878d0caf",
    "k2v2, 64, 4, 64b58f88",
    "k4v2g128, 128, 5, 78d77ec9",
    "k8v4, 80, 2, 95aabd19"
  })
  void doNotDependOnRowsThreadsOrVectors(String format, int headDim, int group, String crc) {
    AttentionSpec spec = new AttentionSpec(2 * group, 2, headDim, 0.125f, AttentionSpec.NO_WINDOW);
    byte[] together = attend(spec, format, 2, ROWS);
    assertThat(attend(spec, format, 1, ROWS)).as("one thread").isEqualTo(together);
    assertThat(attend(spec, format, 2, 7)).as("chunks of 7 rows").isEqualTo(together);
    assertThat(attend(spec, format, 2, 1)).as("row by row").isEqualTo(together);
    CRC32 sum = new CRC32();
    sum.update(together);
    assertThat(Long.toHexString(sum.getValue())).as("bits on any machine").isEqualTo(crc);
  }

  /**
   * A layer that has packed nothing: its rows are attended to by one kernel, observed by another.
   */
  @ParameterizedTest
  @CsvSource({"64, 3, 0", "128, 5, 200", "80, 2, 0"})
  void observedRowsOfUnpackedLayers(int headDim, int group, int window) {
    int slidingWindow = window == 0 ? AttentionSpec.NO_WINDOW : window;
    AttentionSpec spec = new AttentionSpec(2 * group, 2, headDim, 0.125f, slidingWindow);
    byte[] together = attend(spec, "k4v4", 2, 150, ROWS);
    assertThat(attend(spec, "k4v4", 1, 150, ROWS)).as("one thread").isEqualTo(together);
    assertThat(attend(spec, "k4v4", 2, 150, 7)).as("chunks of 7 rows").isEqualTo(together);
    assertThat(attend(spec, "k4v4", 2, 150, 1)).as("row by row").isEqualTo(together);
  }

  private static byte[] attend(AttentionSpec spec, String format, int threads, int chunk) {
    return attend(spec, format, threads, 900, chunk);
  }

  /** Outputs and line scores of the last rows of a pass on top of another. */
  private static byte[] attend(
      AttentionSpec spec, String format, int threads, int before, int chunk) {
    KvLayerPolicy policy = KvLayerPolicy.of(KvFormats.parse(format));
    int headDim = spec.headDim();
    KvCacheSpec cacheSpec =
        new KvCacheSpec(2, headDim, 2048, List.of(new KvLayerSpec(policy, spec.slidingWindow())));
    SplittableRandom random = new SplittableRandom(headDim);
    try (CpuBackend backend = new CpuBackend(new BackendOptions(threads));
        KvCache cache = backend.kvCache(cacheSpec)) {
      AttentionOperator attention = backend.attention(spec, policy.format());
      Tensor past = matrix(backend, random, before, 2 * headDim);
      cache.beginPass(before);
      cache.layer(0).append(past, past, 0);
      cache.endLayer(0);
      cache.endPass();
      Tensor keys = matrix(backend, random, ROWS, 2 * headDim);
      Tensor q = matrix(backend, random, ROWS, spec.numQueryHeads() * headDim);
      Tensor out = backend.matrix(ROWS, q.columns());
      cache.beginPass(ROWS);
      LineKvLayer layer = (LineKvLayer) cache.layer(0);
      layer.append(keys, keys, before);
      for (int row = 0; row < ROWS; row += chunk) {
        int count = Math.min(chunk, ROWS - row);
        attention.forward(out.rows(row, count), q.rows(row, count), layer, before + row);
      }
      return bytes(out, layer.scores().hotSums());
    }
  }

  private static Tensor matrix(CpuBackend backend, SplittableRandom random, int rows, int columns) {
    Tensor matrix = backend.matrix(rows, columns);
    for (long i = 0; i < (long) rows * columns; i++) {
      matrix.segment().setAtIndex(Simd.FLOAT, i, (random.nextInt() >> 8) * 0x1p-22f);
    }
    return matrix;
  }

  private static byte[] bytes(Tensor out, float[] scores) {
    ByteBuffer buffer = ByteBuffer.allocate((int) out.segment().byteSize() + 4 * scores.length);
    buffer.put(out.segment().asByteBuffer());
    for (float score : scores) {
      buffer.putFloat(score);
    }
    return buffer.array();
  }
}
