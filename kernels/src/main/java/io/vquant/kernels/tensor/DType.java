package io.vquant.kernels.tensor;

/** Element types that operators compute with or read in place (a file may hold others). */
public enum DType {
  F32(4),
  BF16(2),
  F16(2);

  private final int byteSize;

  DType(int byteSize) {
    this.byteSize = byteSize;
  }

  /** Bytes of one element. */
  public int byteSize() {
    return byteSize;
  }
}
