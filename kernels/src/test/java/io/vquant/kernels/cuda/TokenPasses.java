package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A sequence of random tokens, which follow from a seed and their positions, going through a cache
 * of any device pass by pass.
 */
final class TokenPasses implements AutoCloseable {
  private final KernelBackend backend;
  private final AttentionSpec spec;
  private final AttentionOperator attention;
  private final long seed;
  private final KvCache cache;
  private final List<Tensor> stepRows = new ArrayList<>();
  private @Nullable Tensor stepOut;

  TokenPasses(KernelBackend backend, AttentionSpec spec, KvCacheSpec cacheSpec, long seed) {
    this(backend, spec, backend.kvCache(cacheSpec), seed);
  }

  private TokenPasses(KernelBackend backend, AttentionSpec spec, KvCache cache, long seed) {
    this.backend = backend;
    this.spec = spec;
    this.cache = cache;
    this.seed = seed;
    attention = backend.attention(spec, cache.spec().layers().getFirst().policy().format());
  }

  KvCache cache() {
    return cache;
  }

  TokenPasses fork() {
    return new TokenPasses(backend, spec, cache.fork(), seed);
  }

  /** Passes of one row each. */
  float[] steps(int count) {
    float[] last = {};
    for (int i = 0; i < count; i++) {
      last = pass(1);
    }
    return last;
  }

  /** One pass through all layers; returns the outputs of the last. */
  float[] pass(int rows) {
    cache.beginPass(rows);
    float[] out = {};
    for (int layer = 0; layer < cache.spec().numLayers(); layer++) {
      out = layer(layer, rows);
      cache.endLayer(layer);
    }
    cache.endPass();
    return out;
  }

  /** A pass of one row, recorded the second time and then replayed: {@code decodeStep}. */
  float[] replayedStep() {
    int layers = cache.spec().numLayers();
    int start = cache.length();
    if (stepRows.isEmpty()) {
      for (int i = 0; i < 3 * layers; i++) {
        stepRows.add(backend.matrix(1, columns(i % 3)));
      }
      stepOut = backend.matrix(1, columns(2));
    }
    for (int i = 0; i < 3 * layers; i++) {
      backend.copy(stepRows.get(i), hostRows(start, 1, i));
    }
    cache.beginPass(1);
    backend.decodeStep(
        cache,
        stepOut,
        start,
        () -> {
          for (int layer = 0; layer < layers; layer++) {
            cache.layer(layer).append(stepRows.get(3 * layer), stepRows.get(3 * layer + 1), start);
            attention.forward(stepOut, stepRows.get(3 * layer + 2), cache.layer(layer), start);
            cache.endLayer(layer);
          }
        });
    cache.endPass();
    Tensor host = hostMatrix(1, columns(2));
    backend.copy(host, stepOut);
    return host.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  /** A pass that is given up after some of its layers. */
  void abandonedPass(int rows, int layers) {
    cache.beginPass(rows);
    for (int layer = 0; layer < layers; layer++) {
      layer(layer, rows);
      cache.endLayer(layer);
    }
    cache.abandonPass();
  }

  private float[] layer(int layer, int rows) {
    int start = cache.layer(layer).length();
    cache
        .layer(layer)
        .append(matrix(start, rows, 3 * layer), matrix(start, rows, 3 * layer + 1), start);
    Tensor out = backend.matrix(rows, columns(2));
    attention.forward(out, matrix(start, rows, 3 * layer + 2), cache.layer(layer), start);
    Tensor host = hostMatrix(rows, columns(2));
    backend.copy(host, out);
    return host.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static Tensor hostMatrix(int rows, int columns) {
    HostStorage storage =
        new HostStorage(Device.CPU, Arena.ofAuto().allocate(4L * rows * columns, 64));
    return new Tensor(storage, DType.F32, Layout.dense(rows, columns));
  }

  /** Of keys (0), values (1), queries (2). */
  private int columns(int kind) {
    return (kind == 2 ? spec.numQueryHeads() : spec.numKvHeads()) * spec.headDim();
  }

  private Tensor matrix(int start, int rows, int kind) {
    Tensor matrix = backend.matrix(rows, columns(kind % 3));
    backend.copy(matrix, hostRows(start, rows, kind));
    return matrix;
  }

  private Tensor hostRows(int start, int rows, int kind) {
    int columns = columns(kind % 3);
    float factor = kind % 3 == 2 ? 1.5f : 1;
    float offset = kind % 3 == 0 ? 0.7f : 0;
    Tensor host = hostMatrix(rows, columns);
    for (int r = 0; r < rows; r++) {
      SplittableRandom random = new SplittableRandom(seed * 31 + kind * 1_000_003L + start + r);
      // A few positions are looked at by many.
      float rowFactor = random.nextInt(16) == 0 ? 3 * factor : factor;
      for (int c = 0; c < columns; c++) {
        float value = (float) (random.nextGaussian() * rowFactor + offset);
        host.segment().setAtIndex(ValueLayout.JAVA_FLOAT, (long) r * columns + c, value);
      }
    }
    return host;
  }

  @Override
  public void close() {
    cache.close();
  }
}
