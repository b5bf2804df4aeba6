package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.Collections;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Times what a step of decoding does with the cache in the 32 layers of an 8B Llama: writing a row
 * and attention, by themselves and among the products of the layer's weights. The latter is what
 * counts: kernels share an SM's memory, and may slow each other down. A time is that of one layer.
 */
final class CacheStepBenchmark {
  private static final int LAYERS = 32;
  private static final int KV_HEADS = 8;
  private static final int HEAD_DIM = 128;
  private static final int QUERY_HEADS = 32;
  private static final String[] POLICIES = {"bf16", "k8v4", "k4v4", "k4v4g128"};
  private static final int[] DEPTHS = {32, 8192, 114688};

  private final KernelBenchmark benchmark;
  private final CudaRuntime runtime;
  private final AttentionSpec spec =
      new AttentionSpec(QUERY_HEADS, KV_HEADS, HEAD_DIM, 0.088388f, AttentionSpec.NO_WINDOW);
  private final List<List<Runnable>> products;

  CacheStepBenchmark(KernelBenchmark benchmark) {
    this.benchmark = benchmark;
    runtime = benchmark.runtime();
    products = benchmark.layerProducts(LAYERS);
  }

  void run() {
    for (String name : POLICIES) {
      KvLayerSpec layer = new KvLayerSpec(KvPolicy.parse(name).base(), AttentionSpec.NO_WINDOW);
      AttentionOperator attention =
          layer.policy().isPlain()
              ? new CudaAttention(runtime, spec, DType.BF16)
              : new PackedAttention(runtime, spec, layer.policy().format());
      for (int depth : DEPTHS) {
        KvCacheSpec shape =
            new KvCacheSpec(KV_HEADS, HEAD_DIM, depth + 64, Collections.nCopies(LAYERS, layer));
        try (CudaKvCache cache = new CudaKvCache(runtime, shape)) {
          fill(cache, depth);
          measure(name, cache, attention);
        }
      }
    }
  }

  private void fill(CudaKvCache cache, int depth) {
    Tensor rows = benchmark.matrix(DType.F32, depth, KV_HEADS * HEAD_DIM);
    cache.beginPass(depth);
    for (int i = 0; i < LAYERS; i++) {
      cache.layer(i).append(rows, rows, 0);
      cache.endLayer(i);
    }
    cache.endPass();
  }

  private void measure(String name, CudaKvCache cache, AttentionOperator attention) {
    int depth = cache.length();
    Tensor row = benchmark.matrix(DType.F32, 1, KV_HEADS * HEAD_DIM);
    Tensor q = benchmark.matrix(DType.F32, 1, QUERY_HEADS * HEAD_DIM);
    Tensor out = benchmark.matrix(DType.F32, 1, QUERY_HEADS * HEAD_DIM);
    IntConsumer append = layer -> append(cache.layer(layer), row, depth);
    IntConsumer attend = layer -> attention.forward(out, q, cache.layer(layer), depth);
    cache.beginPass(1);
    runtime.positionAddress(depth);
    String place = "%-9s after %6d, ".formatted(name, depth);
    alone(place + "append", append);
    alone(place + "attention", attend);
    alone(place + "both", append.andThen(attend));
    amongProducts(place + "products", layer -> {});
    amongProducts(place + "products, append", append);
    amongProducts(place + "products, attention", attend);
    amongProducts(place + "products, both", append.andThen(attend));
    cache.endPass();
  }

  private void alone(String what, IntConsumer work) {
    report(
        what,
        () -> {
          for (int i = 0; i < LAYERS; i++) {
            work.accept(i);
          }
        });
  }

  /** After the first of the layer's products. */
  private void amongProducts(String what, IntConsumer work) {
    report(
        what,
        () -> {
          for (int i = 0; i < LAYERS; i++) {
            products.get(i).getFirst().run();
            work.accept(i);
            products.get(i).stream().skip(1).forEach(Runnable::run);
          }
        });
  }

  /** Writes the row again that was written before. */
  private static void append(CudaKvLayer layer, Tensor row, int depth) {
    switch (layer) {
      case PlainCudaLayer plain -> plain.setLength(depth);
      case CudaLineLayer lines -> lines.setLength(depth);
    }
    layer.append(row, row, depth);
  }

  private void report(String what, Runnable work) {
    double[] times = benchmark.time(work);
    System.out.printf(
        "%-40s %7.2f us a layer (median %7.2f)%n",
        what, 1e3 * times[0] / LAYERS, 1e3 * times[1] / LAYERS);
  }
}
