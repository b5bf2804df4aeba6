package io.vquant.kernels.tensor;

/** A block of memory on one device; its owner decides when it is freed. */
public interface Storage {
  Device device();

  long byteSize();
}
