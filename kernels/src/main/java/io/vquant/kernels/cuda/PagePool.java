package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import java.util.ArrayList;
import java.util.List;

/** Pages cut from blocks of device memory: allocating each would make the device wait. */
final class PagePool implements AutoCloseable {
  private static final long MIN_BLOCK_BYTES = 2L << 20;
  private static final long MAX_BLOCK_BYTES = 256L << 20;
  private static final int ALIGNMENT = 256;

  private final CudaRuntime runtime;
  private final List<DeviceMemory> blocks = new ArrayList<>();
  private long next;
  private long end;
  private long takenByteSize;
  private long blockByteSize;

  PagePool(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Address of a new page with undefined contents. */
  long take(long pageByteSize) {
    long rounded = Math.ceilDiv(pageByteSize, ALIGNMENT) * (long) ALIGNMENT;
    if (end - next < rounded) {
      grow(rounded);
    }
    long page = next;
    next += rounded;
    takenByteSize += rounded;
    return page;
  }

  /** A block as large as all before, between the bounds, and at least a page. */
  private void grow(long pageByteSize) {
    long wanted = Math.clamp(blockByteSize, MIN_BLOCK_BYTES, MAX_BLOCK_BYTES);
    DeviceMemory block = runtime.allocate(Math.max(wanted, pageByteSize));
    blocks.add(block);
    blockByteSize += block.byteSize();
    next = block.address();
    end = next + block.byteSize();
  }

  long takenByteSize() {
    return takenByteSize;
  }

  @Override
  public void close() {
    blocks.forEach(runtime::free);
    blocks.clear();
  }
}
