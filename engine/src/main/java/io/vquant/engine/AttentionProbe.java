package io.vquant.engine;

import io.vquant.engine.runtime.AttentionCapture;
import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.PrefillAttentionOperator;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.model.AttentionInputs;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/**
 * Runs a prompt through the model and shows, layer by layer, what its attention is computed from:
 * for measuring attention in other arithmetic, and for pictures. Memory is that of one layer's
 * queries, keys and values.
 */
public final class AttentionProbe {
  private final Engine engine;
  private final ModelOnDevice device;

  AttentionProbe(Engine engine, ModelOnDevice device) {
    this.engine = engine;
    this.device = device;
  }

  /**
   * Runs a prompt.
   *
   * @param layers which layers are wanted
   * @param visitor called for each wanted layer, in order, with all positions of the prompt; valid
   *     during the call, in which operators of this probe may run
   * @param listener told how far the layers are, may end the run by an exception
   * @throws InvalidPromptException if there are no tokens, more than the context holds, or ids that
   *     the model does not have
   */
  public void run(
      int[] tokenIds,
      IntPredicate layers,
      Consumer<AttentionInputs> visitor,
      GenerationListener listener) {
    engine.requireValid(tokenIds);
    device.deviceLock().lock();
    try (KvCache cache = engine.newCache(tokenIds.length);
        AttentionCapture capture =
            new AttentionCapture(tokenIds.length, layers, visitor, listener::onPrefill)) {
      device.causalLm().forward(tokenIds, 0, tokenIds.length, cache, capture);
    } finally {
      device.deviceLock().unlock();
    }
  }

  /**
   * Attention in low-bit arithmetic on the engine's device.
   *
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if the device has none
   */
  public PrefillAttentionOperator operator(AttentionSpec spec, AttentionPrecision precision) {
    return device.backend().prefillAttention(spec, precision);
  }
}
