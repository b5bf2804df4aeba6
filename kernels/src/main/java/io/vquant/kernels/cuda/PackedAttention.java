package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.LineScore;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention over a layer that packs. One row of decoding is one kernel where there is one for
 * format and head size; rows of a prompt run on tensor cores, over 16-bit tiles alone while nothing
 * is packed; all else in float32 arithmetic. Rows that the layer observes leave their attention
 * weights.
 */
final class PackedAttention implements AttentionOperator {
  private static final int WARP = 32;
  private static final int THREADS = 256;
  private static final int ROWS = 128;
  private static final int ALIGNMENT = 256;
  private static final float LOG2_E = (float) (1 / Math.log(2));

  private final CudaRuntime runtime;
  private final AttentionSpec spec;
  private final KvPageLayout pageLayout;
  private final int tileBytes;
  private final CudaFunction any;
  private final CudaFunction observe;
  private final CudaFunction hadamard;
  private final @Nullable PackedDecode decode;
  private final @Nullable PlainPrefill plainPrefill;
  private final @Nullable CudaFunction prefill;

  PackedAttention(CudaRuntime runtime, AttentionSpec spec, KvFormat format) {
    this.runtime = runtime;
    this.spec = spec;
    try {
      pageLayout = new KvPageLayout(format, spec.numKvHeads(), spec.headDim());
    } catch (IllegalArgumentException e) {
      throw new UnsupportedKernelException("KV cache " + format + ": " + e.getMessage());
    }
    tileBytes = (int) new PageLayout(1, spec.headDim(), DType.BF16).byteSize();
    any = runtime.function(Kernel.ATTENTION_LINES_ANY);
    observe = runtime.function(Kernel.OBSERVE_LINES);
    hadamard = runtime.function(Kernel.HADAMARD_ROWS);
    decode =
        PackedDecode.fits(runtime, spec, format)
            ? new PackedDecode(runtime, spec, format, CudaAttention.MOST_SEQUENCES)
            : null;
    boolean usual = Kernel.PREFILL_LINES.has(spec.headDim());
    plainPrefill = usual ? new PlainPrefill(runtime, spec) : null;
    prefill = usual ? runtime.function(Kernel.PREFILL_LINES, spec.headDim()) : null;
    if (prefill != null) {
      prefill.allowSharedMemory(tileBytes);
    }
  }

  @Override
  public void forward(Tensor out, Tensor q, KvLayer kv, int startPosition) {
    int width = spec.numQueryHeads() * spec.headDim();
    Operands.require("attention q", q, q.rows(), width);
    Operands.require("attention out", out, q.rows(), width);
    CudaLineLayer layer = requireLayer(kv, startPosition, q.rows());
    long position = runtime.positionAddress(startPosition);
    if (layer.isDecoding() && decode != null) {
      long output = Operands.address(out);
      decode.forward(output, Operands.address(q), layer.address(), 0, position, 1, options(layer));
      return;
    }
    Rows rows = takeUp(q, layer);
    if (plainPrefill == null || prefill == null || layer.isDecoding()) {
      attendAny(out, q.rows(), rows, layer, position);
    } else if (layer.isTransformed()) {
      attendTransformed(prefill, out, rows, layer, position);
    } else {
      plainPrefill.forward(out, rows.q(), rows.stride(), layer.hotTable(), position, rows.stats());
    }
    int firstObserved = Math.max(0, layer.observedFrom() - startPosition);
    if (firstObserved < q.rows()) {
      observe(q.rows(), firstObserved, rows, layer, position);
    }
  }

  @Override
  public void decode(Tensor out, Tensor q, KvLayer[] layers, int[] positions) {
    long[] structs = new long[layers.length];
    boolean isOneLaunch =
        decode != null
            && layers.length <= CudaAttention.MOST_SEQUENCES
            && out.layout().isContiguous()
            && q.layout().isContiguous();
    int options = 0;
    for (int row = 0; row < layers.length; row++) {
      CudaLineLayer layer = requireLayer(layers[row], positions[row], 1);
      structs[row] = layer.address();
      isOneLaunch &= layer.isDecoding() && (row == 0 || options == options(layer));
      options = options(layer);
    }
    if (decode == null || !isOneLaunch) {
      AttentionOperator.super.decode(out, q, layers, positions);
      return;
    }
    int width = spec.numQueryHeads() * spec.headDim();
    Operands.require("attention q", q, layers.length, width);
    Operands.require("attention out", out, layers.length, width);
    SequenceRows rows = runtime.sequenceRows();
    decode.forward(
        Operands.address(out),
        Operands.address(q),
        structs[0],
        rows.offsets(structs),
        rows.address(positions),
        layers.length,
        options);
  }

  private static int options(CudaLineLayer layer) {
    KvLayerPolicy policy = layer.spec().policy();
    return (policy.hadamard() ? PackedDecode.TRANSFORM_QUERIES : 0)
        | (squares(policy) ? PackedDecode.SQUARED_WEIGHTS : 0);
  }

  private static boolean squares(KvLayerPolicy policy) {
    return policy.score() == LineScore.SQUARED_WEIGHT;
  }

  private CudaLineLayer requireLayer(KvLayer kv, int startPosition, int rows) {
    if (!(kv instanceof CudaLineLayer layer)) {
      throw new UnsupportedKernelException(
          "CUDA attention of "
              + pageLayout.format()
              + " on a "
              + kv.getClass().getSimpleName()
              + ": there is CudaLineLayer");
    }
    if (!layer.pageLayout().equals(pageLayout)
        || layer.spec().slidingWindow() != spec.slidingWindow()) {
      throw new IllegalArgumentException(
          "attention of %s over %s on %s, %s"
              .formatted(spec, pageLayout, layer.pageLayout(), layer.spec()));
    }
    if (startPosition < layer.hotStart() || rows > layer.length() - startPosition) {
      throw new IllegalArgumentException(
          "attention at positions %d + %d: the layer's hot tokens are %d to %d"
              .formatted(startPosition, rows, layer.hotStart(), layer.length() - 1));
    }
    return layer;
  }

  /**
   * Queries as attention takes them, and where it leaves each row's maximum and sum.
   *
   * @param q device address
   * @param stride elements between rows
   */
  private record Rows(long q, long stride, long stats) {}

  private Rows takeUp(Tensor q, CudaLineLayer layer) {
    long width = (long) spec.numQueryHeads() * spec.headDim();
    boolean mayTransform = layer.isTransformed() || layer.isDecoding();
    boolean transforms = layer.spec().policy().hadamard() && mayTransform;
    long queryBytes = transforms ? q.rows() * width * Float.BYTES : 0;
    long statsOffset = Math.ceilDiv(queryBytes, ALIGNMENT) * (long) ALIGNMENT;
    long statsBytes = 2L * Float.BYTES * q.rows() * spec.numQueryHeads();
    long scratch = runtime.scratch(statsOffset + statsBytes);
    if (!transforms) {
      return new Rows(Operands.address(q), Operands.stride(q), scratch + statsOffset);
    }
    // What is recorded before the first page is packed fits the steps after.
    transform(scratch, width, Operands.address(q), Operands.stride(q), q.rows(), layer.address());
    return new Rows(scratch, width, scratch + statsOffset);
  }

  private void transform(long out, long outStride, long x, long stride, int rows, long layer) {
    hadamard
        .call()
        .int64(out)
        .int64(outStride)
        .int64(x)
        .int64(stride)
        .int32(spec.headDim())
        .int64(layer)
        .launch(
            runtime.stream(),
            rows,
            spec.numQueryHeads(),
            1,
            Operands.blocks(spec.headDim(), WARP) * WARP);
  }

  private void attendTransformed(
      CudaFunction kernel, Tensor out, Rows rows, CudaLineLayer layer, long position) {
    var call =
        kernel
            .call()
            .int64(Operands.address(out))
            .int64(Operands.stride(out))
            .int64(rows.q())
            .int64(rows.stride())
            .int64(layer.address())
            .int64(position)
            .int64(rows.stats())
            .int32(out.rows())
            .int32(spec.groupSize())
            .float32(spec.softmaxScale() * LOG2_E)
            .int32(spec.slidingWindow());
    LineKernels.addFormat(call, pageLayout.format(), spec.headDim())
        .sharedMemory(tileBytes)
        .launch(
            runtime.stream(), spec.numQueryHeads(), Operands.blocks(out.rows(), ROWS), 1, THREADS);
    if (layer.spec().policy().transformsValues()) {
      long output = Operands.address(out);
      transform(output, Operands.stride(out), output, Operands.stride(out), out.rows(), 0);
    }
  }

  private void attendAny(Tensor out, int count, Rows rows, CudaLineLayer layer, long position) {
    var call =
        any.call()
            .int64(Operands.address(out))
            .int64(Operands.stride(out))
            .int64(rows.q())
            .int64(rows.stride())
            .int64(layer.address())
            .int64(position)
            .int64(rows.stats())
            .int32(spec.groupSize())
            .int32(spec.headDim())
            .float32(spec.softmaxScale() * LOG2_E)
            .int32(spec.slidingWindow())
            .int32(layer.spec().policy().transformsValues() ? 1 : 0);
    LineKernels.addFormat(call, pageLayout.format(), spec.headDim())
        .launch(runtime.stream(), count, spec.numQueryHeads(), 1, THREADS);
  }

  private void observe(
      int count, int firstObserved, Rows rows, CudaLineLayer layer, long position) {
    boolean decoding = layer.isDecoding();
    // What is recorded for one step fits those that follow.
    int tiles = decoding ? layer.table().decodeTiles() : layer.slab().size() + layer.hot().size();
    observe
        .call()
        .int64(rows.q())
        .int64(rows.stride())
        .int64(layer.address())
        .int64(position)
        .int64(rows.stats())
        .int64(decoding ? 0 : layer.passSums().address())
        .int32(decoding ? 0 : layer.passSums().stride())
        .int32(firstObserved)
        .int32(count)
        .int32(spec.groupSize())
        .int32(spec.headDim())
        .float32(spec.softmaxScale() * LOG2_E)
        .int32(spec.slidingWindow())
        .int32(squares(layer.spec().policy()) ? 1 : 0)
        .sharedMemory(tileBytes / 2)
        .launch(runtime.stream(), tiles, spec.numKvHeads(), 1, THREADS);
  }
}
