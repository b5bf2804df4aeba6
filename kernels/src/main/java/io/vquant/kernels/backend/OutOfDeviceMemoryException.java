package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Device;

/** A device has less memory left than was asked of it. What was there stays usable. */
public final class OutOfDeviceMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long askedByteSize;
  private final long freeByteSize;

  public OutOfDeviceMemoryException(Device device, long askedByteSize, long freeByteSize) {
    super(
        "device "
            + device
            + " is out of memory: "
            + askedByteSize
            + " bytes asked for, "
            + freeByteSize
            + " free");
    this.askedByteSize = askedByteSize;
    this.freeByteSize = freeByteSize;
  }

  public long askedByteSize() {
    return askedByteSize;
  }

  public long freeByteSize() {
    return freeByteSize;
  }
}
