package io.vquant.model.layers;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.DType;
import java.util.EnumMap;
import java.util.Map;

/** The attention operators of one spec, one a cache type; shared by all layers of that spec. */
public final class CachedAttention {
  private final KernelBackend backend;
  private final AttentionSpec spec;
  private final Map<DType, AttentionOperator> byCacheType = new EnumMap<>(DType.class);

  public CachedAttention(KernelBackend backend, AttentionSpec spec) {
    this.backend = backend;
    this.spec = spec;
  }

  /**
   * Chooses the operator for a cache type, so that running finds it.
   *
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if the backend has none
   */
  public void prepare(DType cacheType) {
    byCacheType.computeIfAbsent(cacheType, type -> backend.attention(spec, type));
  }

  AttentionOperator of(DType cacheType) {
    AttentionOperator operator = byCacheType.get(cacheType);
    if (operator == null) {
      throw new IllegalStateException("no attention prepared for a cache of " + cacheType);
    }
    return operator;
  }
}
