package io.vquant.kernels.backend;

import io.vquant.kernels.quant.SymmetricInt;
import java.util.Optional;

/**
 * What a backend may use of the machine, and how it computes where there is a choice.
 *
 * @param threads threads that compute, at least 1
 * @param prefill codes of queries and keys in attention of prompts over layers that pack; empty:
 *     exact
 */
public record BackendOptions(int threads, Optional<SymmetricInt> prefill) {

  public BackendOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads " + threads + ": expected at least 1");
    }
  }

  /** Exact attention. */
  public BackendOptions(int threads) {
    this(threads, Optional.empty());
  }
}
