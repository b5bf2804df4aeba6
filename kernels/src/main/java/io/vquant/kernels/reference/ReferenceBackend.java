package io.vquant.kernels.reference;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.PrefillAttentionOperator;
import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
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
import io.vquant.kernels.quant.ScalarPanelEncoder;
import io.vquant.kernels.quant.WeightQuantizer;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Scalar loops in one thread, for any size. Misshapen operands are refused with an {@link
 * IllegalArgumentException}.
 */
public final class ReferenceBackend implements KernelBackend {

  private static final int ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();

  @Override
  public Device device() {
    return Device.REFERENCE;
  }

  @Override
  public Storage allocate(long byteSize) {
    return new HostStorage(Device.REFERENCE, arena.allocate(byteSize, ALIGNMENT));
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    if (dst.dtype() != src.dtype()) {
      throw new IllegalArgumentException(
          "copy of " + src.dtype() + " to " + dst.dtype() + ": expected the same dtype");
    }
    Elements.requireShape("copy destination", dst, src.rows(), src.columns());
    long rowByteSize = (long) src.columns() * src.dtype().byteSize();
    for (int row = 0; row < src.rows(); row++) {
      MemorySegment.copy(
          src.segment(),
          src.rowByteOffset(row),
          dst.segment(),
          dst.rowByteOffset(row),
          rowByteSize);
    }
  }

  @Override
  public EmbeddingOperator embedding(Tensor table) {
    return new ReferenceEmbedding(new DenseWeight(table));
  }

  @Override
  public EmbeddingOperator embedding(QuantizedWeight table) {
    return new ReferenceEmbedding(table);
  }

  @Override
  public LinearOperator linear(Tensor weight, @Nullable Tensor bias) {
    return new ReferenceLinear(weight, bias);
  }

  @Override
  public LinearOperator linear(QuantizedWeight weight, @Nullable Tensor bias) {
    return new ReferenceQuantizedLinear(weight, bias);
  }

  @Override
  public QuantizedWeight quantize(Tensor weight, QuantScheme scheme, QuantizeListener listener) {
    WeightQuantizer quantizer = new WeightQuantizer(weight, scheme, this::allocate, listener);
    if (scheme.keepsOutliers()) {
      for (int panel = 0; panel < quantizer.panels(); panel++) {
        quantizer.measure(panel);
      }
      quantizer.endMeasuring();
    }
    PanelEncoder encoder = new ScalarPanelEncoder(scheme, weight.columns());
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment block = scratch.allocate(quantizer.blockBytes(), ALIGNMENT);
      for (int panel = 0; panel < quantizer.panels(); panel++) {
        quantizer.encode(panel, block, encoder);
      }
    }
    return quantizer.finish();
  }

  @Override
  public RmsNormOperator rmsNorm(Tensor weight, float epsilon) {
    return new ReferenceRmsNorm(weight, epsilon);
  }

  @Override
  public RotaryOperator rotary(RotarySpec spec) {
    return new ReferenceRotary(spec);
  }

  @Override
  public GatedActivationOperator gatedActivation() {
    return new ReferenceGatedActivation();
  }

  @Override
  public ResidualAddOperator residualAdd() {
    return new ReferenceResidualAdd();
  }

  @Override
  public AttentionOperator attention(AttentionSpec spec, KvFormat format) {
    return format.keys() instanceof PlainEncoding plain
        ? new ReferenceAttention(spec, plain.dtype())
        : new ReferenceLineAttention(spec, format);
  }

  @Override
  public PrefillAttentionOperator prefillAttention(
      AttentionSpec spec, AttentionPrecision precision) {
    return new ReferencePrefillAttention(spec, precision);
  }

  @Override
  public KvCache kvCache(KvCacheSpec spec) {
    return new PagedKvCache(spec);
  }

  @Override
  public int threads() {
    return 1;
  }

  @Override
  public void close() {
    arena.close();
  }
}
