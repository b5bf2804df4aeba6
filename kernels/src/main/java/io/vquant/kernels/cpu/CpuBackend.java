package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.backend.GatedLinearOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearGroup;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.PrefillAttentionOperator;
import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.PagedKvCache;
import io.vquant.kernels.kvcache.PlainEncoding;
import io.vquant.kernels.quant.DenseWeight;
import io.vquant.kernels.quant.PanelEncoder;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.quant.SymmetricInt;
import io.vquant.kernels.quant.WeightQuantizer;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Operators in the Vector API, on threads of its own. Needs vectors of 256 or 512 bits. */
public final class CpuBackend implements KernelBackend {

  private static final int ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();
  private final CpuContext context;
  private final Optional<SymmetricInt> prefill;
  private final CpuTilePacker packer;
  private final List<CpuRotary> rotaries = new ArrayList<>();

  /** Starts the threads. */
  public CpuBackend(BackendOptions options) {
    if (!isSupported()) {
      throw new UnsupportedKernelException(
          "device cpu: vectors of "
              + Simd.LANES * 32
              + " bits; expected 256 (AVX2) or 512 (AVX-512); --device reference runs anywhere");
    }
    context = new CpuContext(options.threads());
    prefill = options.prefill();
    packer = new CpuTilePacker(context);
  }

  /** Whether this machine's vectors are of a width that the kernels are written for. */
  public static boolean isSupported() {
    return Simd.LANES == 8 || Simd.LANES == 16;
  }

  @Override
  public Device device() {
    return Device.CPU;
  }

  @Override
  public int threads() {
    return context.pool().threads();
  }

  @Override
  public Storage allocate(long byteSize) {
    return new HostStorage(device(), arena.allocate(byteSize, ALIGNMENT));
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    if (dst.dtype() != src.dtype() || dst.rows() != src.rows() || dst.columns() != src.columns()) {
      throw new IllegalArgumentException(
          "copy " + src.dtype() + " " + src.layout() + " to " + dst.dtype() + " " + dst.layout());
    }
    long rowBytes = (long) src.columns() * src.dtype().byteSize();
    for (int row = 0; row < src.rows(); row++) {
      MemorySegment.copy(
          src.segment(), src.rowByteOffset(row), dst.segment(), dst.rowByteOffset(row), rowBytes);
    }
  }

  @Override
  public EmbeddingOperator embedding(Tensor table) {
    return new CpuEmbedding(new DenseWeight(table));
  }

  @Override
  public EmbeddingOperator embedding(QuantizedWeight table) {
    return new CpuEmbedding(table);
  }

  @Override
  public LinearOperator linear(Tensor weight, @Nullable Tensor bias) {
    return new CpuLinear(context, weight, bias);
  }

  @Override
  public LinearOperator linear(QuantizedWeight weight, @Nullable Tensor bias) {
    return new CpuQuantizedLinear(context, weight, bias);
  }

  @Override
  public LinearGroup linearGroup(List<LinearOperator> linears) {
    List<BlockLinear> alike = new ArrayList<>();
    for (LinearOperator linear : linears) {
      if (!(linear instanceof BlockLinear own)
          || (!alike.isEmpty() && !own.takesInputOf(alike.getFirst()))) {
        return LinearGroup.inTurn(linears);
      }
      alike.add(own);
    }
    return new CpuLinearGroup(context, alike);
  }

  @Override
  public GatedLinearOperator gatedLinear(LinearOperator gate, LinearOperator up) {
    return gate instanceof BlockLinear ownGate
            && up instanceof BlockLinear ownUp
            && ownGate.hasShapeOf(ownUp)
        ? new CpuGatedLinear(context, ownGate, ownUp)
        : KernelBackend.super.gatedLinear(gate, up);
  }

  @Override
  public void forEachRow(int rows, IntConsumer work) {
    context.pool().run((row, worker) -> work.accept(row), rows);
  }

  @Override
  public QuantizedWeight quantize(Tensor weight, QuantScheme scheme, QuantizeListener listener) {
    WeightQuantizer quantizer = new WeightQuantizer(weight, scheme, this::allocate, listener);
    if (scheme.keepsOutliers()) {
      context.pool().run((panel, worker) -> quantizer.measure(panel), quantizer.panels());
      quantizer.endMeasuring();
    }
    PanelEncoder[] encoders = new PanelEncoder[threads()];
    context
        .pool()
        .run(
            (panel, worker) -> {
              long blockBytes = quantizer.blockBytes();
              long scratch =
                  context.workerScratch(worker, blockBytes + CpuPanelEncoder.SCRATCH_BYTES);
              if (encoders[worker] == null) {
                long own = scratch + blockBytes;
                encoders[worker] = new CpuPanelEncoder(scheme, weight.columns(), own);
              }
              MemorySegment block = Simd.MEMORY.asSlice(scratch, blockBytes);
              quantizer.encode(panel, block, encoders[worker]);
            },
            quantizer.panels());
    return quantizer.finish();
  }

  @Override
  public RmsNormOperator rmsNorm(Tensor weight, float epsilon) {
    return new CpuRmsNorm(context, weight, epsilon);
  }

  @Override
  public RotaryOperator rotary(RotarySpec spec) {
    CpuRotary rotary = new CpuRotary(context, spec);
    rotaries.add(rotary);
    return rotary;
  }

  @Override
  public GatedActivationOperator gatedActivation() {
    return new CpuGatedActivation(context);
  }

  @Override
  public ResidualAddOperator residualAdd() {
    return new CpuResidualAdd(context);
  }

  @Override
  public AttentionOperator attention(AttentionSpec spec, KvFormat format) {
    if (format.keys() instanceof PlainEncoding plain) {
      return new CpuAttention(context, spec, plain.dtype());
    }
    return prefill.isPresent()
        ? new CpuLowBitAttention(context, spec, format, prefill.get())
        : new CpuLineAttention(context, spec, format);
  }

  @Override
  public PrefillAttentionOperator prefillAttention(
      AttentionSpec spec, AttentionPrecision precision) {
    return new CpuPrefillAttention(context, spec, precision);
  }

  @Override
  public KvCache kvCache(KvCacheSpec spec) {
    return new PagedKvCache(spec, packer);
  }

  @Override
  public void close() {
    context.close();
    packer.close();
    rotaries.forEach(CpuRotary::close);
    arena.close();
  }
}
