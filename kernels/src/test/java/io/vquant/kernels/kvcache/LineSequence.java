package io.vquant.kernels.kvcache;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A sequence of random tokens going through a cache and its attention, pass by pass. */
final class LineSequence implements AutoCloseable {
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT;

  private final KernelBackend backend;
  private final AttentionSpec spec;
  private final AttentionOperator attention;
  private final long seed;
  private KvCache cache;

  /** A sequence whose tokens follow from {@code seed} and their positions alone. */
  LineSequence(KernelBackend backend, AttentionSpec spec, KvCacheSpec cacheSpec, long seed) {
    this(backend, spec, backend.kvCache(cacheSpec), seed);
  }

  private LineSequence(KernelBackend backend, AttentionSpec spec, KvCache cache, long seed) {
    this.backend = backend;
    this.spec = spec;
    this.cache = cache;
    this.seed = seed;
    attention = backend.attention(spec, cache.spec().layers().getFirst().policy().format());
  }

  LineSequence fork() {
    return new LineSequence(backend, spec, cache.fork(), seed);
  }

  KvCache cache() {
    return cache;
  }

  LineKvLayer layer(int index) {
    return (LineKvLayer) cache.layer(index);
  }

  /** One pass of {@code rows} tokens through all layers; returns the outputs of all of them. */
  float[] pass(int rows) {
    int start = cache.length();
    cache.beginPass(rows);
    float[] outputs = runLayers(start, rows, cache.spec().numLayers());
    cache.endPass();
    return outputs;
  }

  /** A pass that fails in a layer, after its attention. */
  void failingPass(int rows, int failingLayer) {
    int start = cache.length();
    cache.beginPass(rows);
    runLayers(start, rows, failingLayer);
    cache
        .layer(failingLayer)
        .append(keys(start, rows, failingLayer), values(start, rows, failingLayer), start);
    cache.abandonPass();
  }

  private float[] runLayers(int start, int rows, int layers) {
    List<float[]> outputs = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      cache.layer(layer).append(keys(start, rows, layer), values(start, rows, layer), start);
      Tensor out = backend.matrix(rows, spec.numQueryHeads() * spec.headDim());
      attention.forward(out, queries(start, rows, layer), cache.layer(layer), start);
      outputs.add(out.segment().toArray(F32));
      cache.endLayer(layer);
    }
    float[] all = new float[outputs.stream().mapToInt(o -> o.length).sum()];
    int at = 0;
    for (float[] output : outputs) {
      System.arraycopy(output, 0, all, at, output.length);
      at += output.length;
    }
    return all;
  }

  /** Queries {@code [rows, numQueryHeads * headDim]}. */
  Tensor queries(int start, int rows, int layer) {
    return rows(start, rows, spec.numQueryHeads() * spec.headDim(), 3L * layer, 1.5f, 0);
  }

  /** Keys {@code [rows, numKvHeads * headDim]}: a few positions are looked at by many. */
  Tensor keys(int start, int rows, int layer) {
    return rows(start, rows, spec.numKvHeads() * spec.headDim(), 3L * layer + 1, 1, 0.7f);
  }

  Tensor values(int start, int rows, int layer) {
    return rows(start, rows, spec.numKvHeads() * spec.headDim(), 3L * layer + 2, 1, 0.1f);
  }

  private Tensor rows(int start, int rows, int columns, long kind, float factor, float offset) {
    Tensor matrix = backend.matrix(rows, columns);
    for (int r = 0; r < rows; r++) {
      SplittableRandom random = new SplittableRandom(seed * 31 + kind * 1_000_003 + start + r);
      float rowFactor = random.nextInt(16) == 0 ? 3 * factor : factor;
      for (int c = 0; c < columns; c++) {
        float value = (float) (random.nextGaussian() * rowFactor + offset);
        matrix.segment().set(F32, matrix.rowByteOffset(r) + 4L * c, value);
      }
    }
    return matrix;
  }

  /** Everything that a layer holds, as bytes that are equal if and only if the content is. */
  byte[] state(int index) {
    LineKvLayer layer = layer(index);
    int heads = layer.tileLayout().numKvHeads();
    int headDim = layer.tileLayout().headDim();
    List<byte[]> parts = new ArrayList<>();
    for (int page = layer.firstPackedPage(); page < layer.packedPages(); page++) {
      parts.add(layer.packedPage(page).toArray(ValueLayout.JAVA_BYTE));
    }
    for (int head = 0; head < heads; head++) {
      float[] keys = new float[layer.length() * headDim];
      float[] values = new float[layer.length() * headDim];
      layer.readHead(head, keys, values);
      parts.add(bytes(keys));
      parts.add(bytes(values));
      for (int r = 0; r < layer.slabRows(head); r++) {
        parts.add(bytes(layer.slabPosition(head, r), layer.slabScore(head, r)));
      }
      for (int slot = 0; slot < layer.length() - layer.hotStart(); slot++) {
        parts.add(bytes(layer.scores().hotScore(head, slot)));
      }
      long[] masks = Arrays.copyOf(layer.lineMasks(head), layer.packedPages());
      parts.add(MemorySegment.ofArray(masks).toArray(ValueLayout.JAVA_BYTE));
    }
    byte[] all = new byte[parts.stream().mapToInt(p -> p.length).sum()];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  private static byte[] bytes(float... values) {
    return MemorySegment.ofArray(values).toArray(ValueLayout.JAVA_BYTE);
  }

  @Override
  public void close() {
    cache.close();
  }
}
