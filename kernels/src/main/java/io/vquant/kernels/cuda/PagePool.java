package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import java.util.ArrayList;
import java.util.List;

/** Pages of one size, cut from blocks of device memory: allocating each would cost a sync. */
final class PagePool implements AutoCloseable {
  private static final long MIN_BLOCK_BYTES = 2L << 20;
  private static final long MAX_BLOCK_BYTES = 256L << 20;
  private static final int ALIGNMENT = 256;

  private final CudaRuntime runtime;
  private final long pageByteSize;
  private final long maxPages;
  private final List<DeviceMemory> blocks = new ArrayList<>();
  private long next;
  private long end;
  private long takenPages;
  private long blockPages;

  /**
   * @param maxPages most that will ever be taken
   */
  PagePool(CudaRuntime runtime, long pageByteSize, long maxPages) {
    this.runtime = runtime;
    this.pageByteSize = Math.ceilDiv(pageByteSize, ALIGNMENT) * (long) ALIGNMENT;
    this.maxPages = maxPages;
  }

  /** Address of a new page with undefined contents. */
  long take() {
    if (next == end) {
      grow();
    }
    long page = next;
    next += pageByteSize;
    takenPages++;
    return page;
  }

  /** A block as large as all before, between the bounds. */
  private void grow() {
    long wanted = Math.clamp(blockPages * pageByteSize, MIN_BLOCK_BYTES, MAX_BLOCK_BYTES);
    long pages = Math.max(1, Math.min(wanted / pageByteSize, maxPages - takenPages));
    DeviceMemory block = runtime.allocate(pages * pageByteSize);
    blocks.add(block);
    blockPages += pages;
    next = block.address();
    end = next + pages * pageByteSize;
  }

  long takenByteSize() {
    return takenPages * pageByteSize;
  }

  @Override
  public void close() {
    blocks.forEach(runtime::free);
  }
}
