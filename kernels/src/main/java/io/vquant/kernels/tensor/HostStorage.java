package io.vquant.kernels.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Native host memory: allocated, or a mapped file. Mapped tensors may start at any address.
 *
 * @param device {@code cpu} or {@code reference}
 * @param segment native memory; read-only for mapped weights
 */
public record HostStorage(Device device, MemorySegment segment) implements Storage {

  public HostStorage {
    if (!device.isHost() || !segment.isNative()) {
      throw new IllegalArgumentException(
          "HostStorage: device "
              + device
              + ", native "
              + segment.isNative()
              + "; expected native host memory");
    }
  }

  @Override
  public long byteSize() {
    return segment.byteSize();
  }
}
