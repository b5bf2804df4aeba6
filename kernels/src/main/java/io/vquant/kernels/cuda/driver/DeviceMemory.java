package io.vquant.kernels.cuda.driver;

import static io.vquant.kernels.cuda.driver.CudaException.check;

import jcuda.driver.JCudaDriver;

/** A block of device memory, freed by closing it. */
public final class DeviceMemory implements AutoCloseable {
  private final long address;
  private final long byteSize;
  private boolean freed;

  DeviceMemory(long address, long byteSize) {
    this.address = address;
    this.byteSize = byteSize;
  }

  public long address() {
    return address;
  }

  public long byteSize() {
    return byteSize;
  }

  /** Waits for the device, then frees; the context must be current. Once is enough. */
  @Override
  public void close() {
    if (!freed) {
      freed = true;
      check("cuMemFree", JCudaDriver.cuMemFree(new Addresses.Device(address)));
    }
  }
}
