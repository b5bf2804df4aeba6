package io.vquant.kernels.kvcache;

/** A key or value that integer codes with FP16 scales cannot store. */
public final class UnstorableValueException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UnstorableValueException(String message) {
    super(message);
  }
}
