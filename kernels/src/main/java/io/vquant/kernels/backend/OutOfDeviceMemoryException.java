package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Device;

/** A device has less memory left than was asked of it. What was there stays usable. */
public final class OutOfDeviceMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param asked a number of bytes, or what a driver wanted them for
   */
  public OutOfDeviceMemoryException(Device device, String asked, long freeByteSize) {
    super(
        "device %s is out of memory: %s asked for, %d bytes free"
            .formatted(device, asked, freeByteSize));
  }
}
