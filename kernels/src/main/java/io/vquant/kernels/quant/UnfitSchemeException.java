package io.vquant.kernels.quant;

/** A matrix cannot be quantized as asked; the message names the matrix and says why. */
public final class UnfitSchemeException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public UnfitSchemeException(String message) {
    super(message);
  }
}
