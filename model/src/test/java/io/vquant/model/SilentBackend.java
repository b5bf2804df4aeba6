package io.vquant.model;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Real memory and caches, operators that do nothing: shows what the model itself does. */
final class SilentBackend implements KernelBackend {
  private final ReferenceBackend memory = new ReferenceBackend();
  private long allocatedBytes;

  long allocatedBytes() {
    return allocatedBytes;
  }

  @Override
  public Device device() {
    return memory.device();
  }

  @Override
  public Storage allocate(long byteSize) {
    allocatedBytes += byteSize;
    return memory.allocate(byteSize);
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    memory.copy(dst, src);
  }

  @Override
  public EmbeddingOperator embedding(Tensor table) {
    return (out, tokenIds, first) -> {};
  }

  @Override
  public LinearOperator linear(Tensor weight, @Nullable Tensor bias) {
    return (out, x) -> {};
  }

  @Override
  public RmsNormOperator rmsNorm(Tensor weight, float epsilon) {
    return (out, x) -> {};
  }

  @Override
  public RotaryOperator rotary(RotarySpec spec) {
    return (x, startPosition) -> {};
  }

  @Override
  public GatedActivationOperator gatedActivation() {
    return (out, gate, up) -> {};
  }

  @Override
  public ResidualAddOperator residualAdd() {
    return (x, delta) -> {};
  }

  @Override
  public AttentionOperator attention(AttentionSpec spec, KvFormat format) {
    return (out, q, kv, startPosition) -> {};
  }

  @Override
  public KvCache kvCache(KvCacheSpec spec) {
    return memory.kvCache(spec);
  }

  @Override
  public int threads() {
    return 1;
  }

  @Override
  public void close() {
    memory.close();
  }
}
