package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Collections;
import java.util.SplittableRandom;
import jdk.incubator.vector.FloatVector;

/**
 * Times one position's attention over a cache in several formats, which take turns: the KV heads of
 * SmolLM2-135M (which has 3 query heads for each), layers enough to be out of the caches. Prints
 * the least time a token of 30 layers, the bytes read a second beside the machine's plain reading,
 * the time a page and head, and the same with one layer over and over (in the third-level cache).
 *
 * <p>Arguments: depth, threads, query heads a KV head, formats; README.md says how to run it.
 */
public final class PackedAttentionBench {

  private static final int KV_HEADS = 3;
  private static final int HEAD_DIM = 64;
  private static final int TOKEN_LAYERS = 30;
  private static final int ROUNDS = 80;
  private static final long ROOF_BYTES = 128L << 20;

  private final CpuBackend backend;
  private final CpuContext context;
  private final int depth;
  private final int layers;
  private final AttentionSpec spec;
  private final Tensor query;
  private final Tensor out;
  private final float[] sinks;

  private PackedAttentionBench(int depth, int threads, int group) {
    this.depth = depth;
    backend = new CpuBackend(new BackendOptions(threads));
    context = new CpuContext(threads);
    sinks = new float[threads];
    layers = Math.max(4, Math.min(TOKEN_LAYERS, TOKEN_LAYERS * 2048 / depth));
    spec = new AttentionSpec(KV_HEADS * group, KV_HEADS, HEAD_DIM, 0.125f, AttentionSpec.NO_WINDOW);
    query = matrix(1, spec.numQueryHeads() * HEAD_DIM);
    out = matrix(1, spec.numQueryHeads() * HEAD_DIM);
  }

  /** Runs it. */
  public static void main(String[] args) {
    int depth = Integer.parseInt(args[0]);
    int threads = Integer.parseInt(args[1]);
    int group = Integer.parseInt(args[2]);
    new PackedAttentionBench(depth, threads, group).run(Arrays.copyOfRange(args, 3, args.length));
  }

  private void run(String[] formats) {
    KvCache[] caches = new KvCache[formats.length];
    AttentionOperator[] attention = new AttentionOperator[formats.length];
    for (int i = 0; i < formats.length; i++) {
      KvFormat format = KvFormats.parse(formats[i]);
      caches[i] = filled(format);
      attention[i] = backend.attention(spec, format);
    }
    double[] all = new double[formats.length];
    double[] one = new double[formats.length];
    Arrays.fill(all, Double.MAX_VALUE);
    Arrays.fill(one, Double.MAX_VALUE);
    double roof = Double.MAX_VALUE;
    long memory = Arena.global().allocate(ROOF_BYTES, 64).address();
    Simd.zero(memory, ROOF_BYTES);
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < formats.length; i++) {
        all[i] = Math.min(all[i], layerNanos(attention[i], caches[i], 1));
        one[i] = Math.min(one[i], layerNanos(attention[i], caches[i], 0));
      }
      roof = Math.min(roof, readNanos(memory));
    }
    for (int i = 0; i < formats.length; i++) {
      double pageHeads = KV_HEADS * depth / 64.0 / backend.threads();
      double bytes = (double) caches[i].byteSize() / layers;
      System.out.printf(
          "depth %d, %d threads, %-5s %7.3f ms a token, x%.2f, %5.1f GB/s of %.1f;"
              + " %5.0f ns a page and head and thread, %5.0f in cache%n",
          depth,
          backend.threads(),
          formats[i],
          all[i] * TOKEN_LAYERS / 1e6,
          all[0] / all[i],
          bytes / all[i],
          ROOF_BYTES / roof,
          all[i] / pageHeads,
          one[i] / pageHeads);
    }
    System.exit(0);
  }

  private KvCache filled(KvFormat format) {
    KvLayerSpec layer = new KvLayerSpec(KvLayerPolicy.of(format), AttentionSpec.NO_WINDOW);
    KvCache cache =
        backend.kvCache(
            new KvCacheSpec(KV_HEADS, HEAD_DIM, depth, Collections.nCopies(layers, layer)));
    Tensor past = matrix(depth - 1, KV_HEADS * HEAD_DIM);
    cache.beginPass(depth - 1);
    for (int i = 0; i < layers; i++) {
      cache.layer(i).append(past, past, 0);
      cache.endLayer(i);
    }
    cache.endPass();
    cache.beginPass(1);
    for (int i = 0; i < layers; i++) {
      cache.layer(i).append(past.rows(0, 1), past.rows(0, 1), depth - 1);
    }
    return cache;
  }

  private Tensor matrix(int rows, int columns) {
    Tensor matrix = backend.matrix(rows, columns);
    SplittableRandom random = new SplittableRandom(rows);
    for (long i = 0; i < (long) rows * columns; i++) {
      matrix.segment().setAtIndex(Simd.FLOAT, i, (float) random.nextGaussian());
    }
    return matrix;
  }

  /** Nanoseconds a layer, all layers in turn (step 1) or the first one again and again (0). */
  private double layerNanos(AttentionOperator attention, KvCache cache, int step) {
    long start = System.nanoTime();
    for (int i = 0; i < layers; i++) {
      attention.forward(out, query, cache.layer(i * step), depth - 1);
    }
    return (double) (System.nanoTime() - start) / layers;
  }

  private double readNanos(long memory) {
    int threads = backend.threads();
    long start = System.nanoTime();
    context
        .pool()
        .run(
            (block, worker) ->
                sinks[block] = largest(memory + block * ROOF_BYTES / threads, ROOF_BYTES / threads),
            threads);
    return System.nanoTime() - start;
  }

  private static float largest(long memory, long byteSize) {
    FloatVector a = FloatVector.zero(Simd.FLOATS);
    FloatVector b = a;
    for (long at = memory; at != memory + byteSize; at += 2L * Simd.BYTES) {
      a = a.add(Simd.load(at));
      b = b.add(Simd.load(at + Simd.BYTES));
    }
    return a.add(b).lane(0);
  }
}
