package io.vquant.model;

import io.vquant.kernels.attention.AttentionSpec;
import org.jspecify.annotations.Nullable;

/**
 * How one decoder layer attends; layers of a model may differ in it.
 *
 * @param rope rotary embedding, or null for a layer without ("NoPE", as in SmolLM3)
 * @param slidingWindow most recent positions that a query sees, itself included; {@link
 *     AttentionSpec#NO_WINDOW} for all
 */
public record LayerConfig(@Nullable RopeParameters rope, int slidingWindow) {

  public LayerConfig {
    if (slidingWindow < 1) {
      throw new IllegalArgumentException("sliding window " + slidingWindow + ": expected >= 1");
    }
  }

  public boolean hasWindow() {
    return slidingWindow != AttentionSpec.NO_WINDOW;
  }
}
