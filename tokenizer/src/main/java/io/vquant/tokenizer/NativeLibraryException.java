package io.vquant.tokenizer;

/** The native library below every tokenizer cannot be unpacked or loaded on this machine. */
public final class NativeLibraryException extends RuntimeException {
  private static final long serialVersionUID = 1;

  NativeLibraryException(String message, Throwable cause) {
    super(message, cause);
  }
}
