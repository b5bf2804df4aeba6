package io.vquant.kernels.backend;

/**
 * A device or a kernel was asked for that is not there; the message says what was asked and what
 * exists.
 */
public final class UnsupportedKernelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UnsupportedKernelException(String message) {
    super(message);
  }
}
