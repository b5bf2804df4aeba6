package io.vquant.kernels.kvcache;

/** A KV policy that a model's layers cannot follow. */
public final class UnfitPolicyException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  UnfitPolicyException(String message) {
    super(message);
  }
}
