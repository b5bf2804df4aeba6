package io.vquant.kernels.cuda.driver;

/** This machine has no usable CUDA driver; the message says what is missing. */
public final class UnavailableDriverException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnavailableDriverException(String message) {
    super(message);
  }
}
