package io.vquant.kernels.quant;

/** A weight that no code can stand for; the message says which, and what was expected. */
public final class UnquantizableWeightException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UnquantizableWeightException(String message) {
    super(message);
  }
}
