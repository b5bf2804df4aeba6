package io.vquant.model.layers;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvFormat;
import java.util.HashMap;
import java.util.Map;

/** The attention operators of one spec, one a KV format; shared by all layers of that spec. */
public final class CachedAttention {
  private final KernelBackend backend;
  private final AttentionSpec spec;
  private final Map<KvFormat, AttentionOperator> byFormat = new HashMap<>();

  public CachedAttention(KernelBackend backend, AttentionSpec spec) {
    this.backend = backend;
    this.spec = spec;
  }

  /**
   * Chooses the operator for a format, so that running finds it.
   *
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if the backend has none
   */
  public void prepare(KvFormat format) {
    byFormat.computeIfAbsent(format, chosen -> backend.attention(spec, chosen));
  }

  AttentionOperator of(KvFormat format) {
    AttentionOperator operator = byFormat.get(format);
    if (operator == null) {
      throw new IllegalStateException("no attention prepared for a cache of " + format);
    }
    return operator;
  }
}
