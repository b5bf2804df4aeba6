package io.vquant.engine;

/** Something would need more memory than is free; nothing was allocated for it. */
public final class NotEnoughMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long askedBytes;
  private final long availableBytes;

  /**
   * One line that names both amounts.
   *
   * @param purpose what the memory is for, with its parts
   */
  public NotEnoughMemoryException(String purpose, long askedBytes, long availableBytes) {
    super(
        purpose
            + ": "
            + mebibytes(askedBytes)
            + " needed, "
            + mebibytes(availableBytes)
            + " available");
    this.askedBytes = askedBytes;
    this.availableBytes = availableBytes;
  }

  public long askedBytes() {
    return askedBytes;
  }

  public long availableBytes() {
    return availableBytes;
  }

  static String mebibytes(long bytes) {
    return Math.ceilDiv(bytes, 1L << 20) + " MiB";
  }
}
