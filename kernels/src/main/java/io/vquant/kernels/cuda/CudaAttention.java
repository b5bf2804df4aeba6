package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention over plain pages: tensor cores for BF16 pages of the usual head sizes, float32
 * arithmetic for all others.
 */
final class CudaAttention implements AttentionOperator {
  private static final int THREADS = 128;
  private static final int MAX_HEAD_DIM = 1024;

  /** More sequences at once are several launches. */
  static final int MOST_SEQUENCES = 64;

  private final CudaRuntime runtime;
  private final AttentionSpec spec;
  private final PageLayout expectedLayout;
  private final CudaFunction any;
  private final @Nullable PlainDecode decode;
  private final @Nullable PlainPrefill prefill;

  CudaAttention(CudaRuntime runtime, AttentionSpec spec, DType cacheType) {
    if (spec.headDim() > MAX_HEAD_DIM || cacheType == DType.F16) {
      throw new UnsupportedKernelException(
          "CUDA attention with head size "
              + spec.headDim()
              + " on a cache of "
              + cacheType
              + ": there is up to "
              + MAX_HEAD_DIM
              + " on F32 and BF16");
    }
    this.runtime = runtime;
    this.spec = spec;
    expectedLayout = new PageLayout(spec.numKvHeads(), spec.headDim(), cacheType);
    any = runtime.function(Kernel.ATTENTION_PLAIN_ANY, cacheType);
    boolean usual = cacheType == DType.BF16 && Kernel.DECODE_PLAIN.has(spec.headDim());
    decode = usual ? new PlainDecode(runtime, spec, MOST_SEQUENCES) : null;
    prefill = usual ? new PlainPrefill(runtime, spec) : null;
  }

  @Override
  public void forward(Tensor out, Tensor q, KvLayer kv, int startPosition) {
    int width = spec.numQueryHeads() * spec.headDim();
    Operands.require("attention q", q, q.rows(), width);
    Operands.require("attention out", out, q.rows(), width);
    PlainCudaLayer cache = requireCache(kv, startPosition, q.rows());
    long position = runtime.positionAddress(startPosition);
    if (decode != null && q.rows() == 1) {
      decode.forward(Operands.address(out), Operands.address(q), cache.table(), 0, position, 1);
    } else if (prefill != null) {
      prefill.forward(out, Operands.address(q), Operands.stride(q), cache.table(), position, 0);
    } else {
      attendAny(out, q, cache, position);
    }
  }

  @Override
  public void decode(Tensor out, Tensor q, KvLayer[] layers, int[] positions) {
    if (decode == null
        || layers.length > MOST_SEQUENCES
        || !out.layout().isContiguous()
        || !q.layout().isContiguous()) {
      AttentionOperator.super.decode(out, q, layers, positions);
      return;
    }
    int width = spec.numQueryHeads() * spec.headDim();
    Operands.require("attention q", q, layers.length, width);
    Operands.require("attention out", out, layers.length, width);
    long[] tables = new long[layers.length];
    for (int row = 0; row < layers.length; row++) {
      tables[row] = requireCache(layers[row], positions[row], 1).table();
    }
    SequenceRows rows = runtime.sequenceRows();
    decode.forward(
        Operands.address(out),
        Operands.address(q),
        tables[0],
        rows.offsets(tables),
        rows.address(positions),
        layers.length);
  }

  private void attendAny(Tensor out, Tensor q, PlainCudaLayer cache, long position) {
    any.call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(Operands.address(q))
        .int64(Operands.stride(q))
        .int64(cache.table())
        .int64(position)
        .int32(spec.groupSize())
        .int32(spec.headDim())
        .float32(spec.softmaxScale())
        .int32(spec.slidingWindow())
        .sharedMemory(spec.headDim() * Float.BYTES)
        .launch(runtime.stream(), q.rows(), spec.numQueryHeads(), 1, THREADS);
  }

  private PlainCudaLayer requireCache(KvLayer kv, int startPosition, int rows) {
    if (!(kv instanceof PlainCudaLayer cache)) {
      throw new UnsupportedKernelException(
          "CUDA attention on a " + kv.getClass().getSimpleName() + ": there is PlainCudaLayer");
    }
    if (!cache.layout().equals(expectedLayout)) {
      throw new IllegalArgumentException(
          "attention cache has " + cache.layout() + ": expected " + expectedLayout);
    }
    if (startPosition < 0 || rows > cache.length() - startPosition) {
      throw new IllegalArgumentException(
          "attention at positions %d + %d: the cache holds %d tokens"
              .formatted(startPosition, rows, cache.length()));
    }
    return cache;
  }
}
