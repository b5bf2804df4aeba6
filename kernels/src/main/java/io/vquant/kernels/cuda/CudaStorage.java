package io.vquant.kernels.cuda;

import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Storage;

/**
 * Memory on a device.
 *
 * @param address of the first byte
 */
record CudaStorage(Device device, long address, long byteSize) implements Storage {}
