package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.kvcache.GroupEncoding;
import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.KvEncoding;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.tensor.Tensor;
import java.util.List;

/** Launches what changes a layer that packs: appending, centring keys, choosing lines, packing. */
final class LineKernels {
  /** Rows after which an old mean of a line weighs half (LineScores). */
  private static final double HALF_LIFE_ROWS = 512;

  private static final int WARP = 32;
  private static final int CLOSE_THREADS = 512;
  private static final int THREADS = 256;
  private static final int TRANSFORM_KEYS = 1;
  private static final int TRANSFORM_VALUES = 2;

  private final CudaRuntime runtime;
  private final KvLayerSpec spec;
  private final int numKvHeads;
  private final int headDim;
  private final int transforms;
  private final CudaFunction append;
  private final CudaFunction sumKeys;
  private final CudaFunction meanKey;
  private final CudaFunction transformTiles;
  private final CudaFunction closePass;
  private final CudaFunction pack;

  LineKernels(CudaRuntime runtime, KvLayerSpec spec, int numKvHeads, int headDim) {
    this.runtime = runtime;
    this.spec = spec;
    this.numKvHeads = numKvHeads;
    this.headDim = headDim;
    KvLayerPolicy policy = spec.policy();
    transforms =
        (policy.hadamard() ? TRANSFORM_KEYS : 0)
            | (policy.transformsValues() ? TRANSFORM_VALUES : 0);
    append = runtime.function(Kernel.APPEND_LINES);
    meanKey = runtime.function(Kernel.MEAN_KEY);
    sumKeys = runtime.function(Kernel.SUM_KEYS);
    transformTiles = runtime.function(Kernel.TRANSFORM_TILES);
    closePass = runtime.function(Kernel.CLOSE_PASS);
    pack = runtime.function(Kernel.PACK);
  }

  /** Equal where one launch can append to both layers. */
  Object kind() {
    return List.of(spec, numKvHeads, headDim);
  }

  /** How much of a line's mean is left after so many observed rows. */
  private static float kept(int rows) {
    return (float) Math.pow(0.5, rows / HALF_LIFE_ROWS);
  }

  private int channelThreads() {
    return Operands.blocks(headDim, WARP) * WARP;
  }

  /** Appends a row to each of several layers, or rows that follow one another to one. */
  void append(long layer, long layerOffsets, Tensor keys, Tensor values, long positions, int rows) {
    append
        .call()
        .int64(layer)
        .int64(layerOffsets)
        .int64(Operands.address(keys))
        .int64(Operands.stride(keys))
        .int64(Operands.address(values))
        .int64(Operands.stride(values))
        .int64(positions)
        .int32(headDim)
        .int32(transforms)
        .float32(kept(1))
        .int32(spec.slidingWindow())
        .launch(runtime.stream(), rows, numKvHeads, 1, channelThreads());
  }

  /** Begins to transform: the hot tokens now, later ones as they come. */
  void activate(long layer, int hotTokens, int hotTiles) {
    CudaStream stream = runtime.stream();
    if (spec.policy().smoothKeys()) {
      long sums = runtime.scratch((long) hotTiles * numKvHeads * headDim * Double.BYTES);
      sumKeys
          .call()
          .int64(layer)
          .int64(sums)
          .int32(hotTokens)
          .int32(headDim)
          .int32(transforms)
          .launch(stream, hotTiles, numKvHeads, 1, channelThreads());
      meanKey
          .call()
          .int64(layer)
          .int64(sums)
          .int32(hotTiles)
          .int32(hotTokens)
          .int32(headDim)
          .launch(stream, numKvHeads, 1, 1, channelThreads());
    }
    transformTiles
        .call()
        .int64(layer)
        .int32(hotTokens)
        .int32(headDim)
        .int32(transforms)
        .launch(stream, hotTiles, numKvHeads, 1, channelThreads());
  }

  /**
   * The rows of a pass.
   *
   * @param sums device address of what the observed rows of a pass of several looked at, hot
   *     tokens, or 0: then the pass had one row, and the layer holds it
   * @param sumStride entries a head of {@code sums}
   * @param hotBefore hot tokens that have scores
   * @param firstObserved position of the first observed row
   * @param end position after the last row
   * @param visibleBefore first position that was visible when the pass began
   */
  record Rows(
      long sums, int sumStride, int hotBefore, int firstObserved, int end, int visibleBefore) {}

  /** Closes a pass; then {@code pages} pages of hot tokens are packed, their lines chosen. */
  void close(long layer, Rows rows, int pages) {
    KvLayerPolicy policy = spec.policy();
    closePass
        .call()
        .int64(layer)
        .int64(rows.sums())
        .int32(rows.sumStride())
        .int32(rows.hotBefore())
        .int32(rows.firstObserved())
        .int32(rows.end())
        .int32(rows.end())
        .int32(pages)
        .int32(policy.slabRows(rows.end()))
        .int32(policy.sinks())
        .int32(((GroupEncoding) policy.format().keys()).isPerChannel() ? 1 : 0)
        .int32(spec.slidingWindow())
        .int32(rows.visibleBefore())
        .int32(headDim)
        .float32(kept(rows.end() - rows.firstObserved()))
        .launch(runtime.stream(), numKvHeads, 1, 1, CLOSE_THREADS);
    if (pages > 0) {
      addFormat(pack.call().int64(layer).int32(headDim), policy.format(), headDim)
          .launch(runtime.stream(), pages, numKvHeads, 2, THREADS);
    }
  }

  /** Adds how packed pages lie: {@code PackedFormat} of {@code codecs/packed_side.cuh}. */
  static KernelCall addFormat(KernelCall call, KvFormat format, int headDim) {
    return call.int32(bits(format.keys()))
        .int32(group(format.keys(), KvSide.KEYS, headDim))
        .int32(bits(format.values()))
        .int32(group(format.values(), KvSide.VALUES, headDim))
        .int32((int) format.keys().byteSize(KvSide.KEYS, headDim))
        .int32((int) format.headByteSize(headDim));
  }

  private static int bits(KvEncoding encoding) {
    return ((GroupEncoding) encoding).bits().bits();
  }

  /** Channels that share a scale; 0: the tokens of a page do. */
  private static int group(KvEncoding encoding, KvSide side, int headDim) {
    GroupLayout layout = ((GroupEncoding) encoding).layout(side, headDim);
    return layout.isPerToken() ? layout.groupSize() : 0;
  }
}
