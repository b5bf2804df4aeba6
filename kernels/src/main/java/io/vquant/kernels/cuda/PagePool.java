package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.OutOfDeviceMemoryException;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Pages of a cache and of its copies, cut from blocks of device memory: allocating each would make
 * the device wait. A page may have several owners; one without is used again. All work is enqueued
 * on one stream, so a page can be given to the next before the last has run.
 */
final class PagePool {
  private static final long MIN_BLOCK_BYTES = 2L << 20;
  private static final long MAX_BLOCK_BYTES = 256L << 20;
  private static final int ALIGNMENT = 256;

  private final CudaRuntime runtime;
  private final List<DeviceMemory> blocks = new ArrayList<>();
  private final Map<Long, Deque<Long>> free = new HashMap<>();

  /** Owners beyond the first. */
  private final Map<Long, Integer> sharers = new HashMap<>();

  private long next;
  private long end;
  private long blockByteSize;
  private int users = 1;

  PagePool(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Bytes that a page takes. */
  static long rounded(long pageByteSize) {
    return Math.ceilDiv(pageByteSize, ALIGNMENT) * (long) ALIGNMENT;
  }

  /**
   * Sees to it that so many pages can be taken without new memory.
   *
   * @throws OutOfDeviceMemoryException if there is none
   */
  void reserve(long pageByteSize, int count) {
    Deque<Long> waiting = waiting(pageByteSize);
    while (waiting.size() < count) {
      waiting.addLast(cut(rounded(pageByteSize)));
    }
  }

  /** Address of a page with one owner and undefined contents. */
  long take(long pageByteSize) {
    Long page = waiting(pageByteSize).pollLast();
    return page == null ? cut(rounded(pageByteSize)) : page;
  }

  /** Adds an owner. */
  void share(long page) {
    sharers.merge(page, 1, Integer::sum);
  }

  /** Removes an owner. */
  void release(long page, long pageByteSize) {
    Integer others = sharers.get(page);
    if (others == null) {
      waiting(pageByteSize).addLast(page);
    } else if (others == 1) {
      sharers.remove(page);
    } else {
      sharers.put(page, others - 1);
    }
  }

  private Deque<Long> waiting(long pageByteSize) {
    return free.computeIfAbsent(rounded(pageByteSize), size -> new ArrayDeque<>());
  }

  private long cut(long byteSize) {
    if (end - next < byteSize) {
      grow(byteSize);
    }
    long page = next;
    next += byteSize;
    return page;
  }

  /** A block as large as all before, between the bounds, or at least a page. */
  private void grow(long pageByteSize) {
    long wanted =
        Math.max(pageByteSize, Math.clamp(blockByteSize, MIN_BLOCK_BYTES, MAX_BLOCK_BYTES));
    DeviceMemory block;
    try {
      block = runtime.allocate(wanted);
    } catch (OutOfDeviceMemoryException e) {
      if (wanted == pageByteSize) {
        throw e;
      }
      block = runtime.allocate(pageByteSize);
    }
    blocks.add(block);
    blockByteSize += block.byteSize();
    next = block.address();
    end = next + block.byteSize();
  }

  PagePool addUser() {
    users++;
    return this;
  }

  /** The last user takes the memory along. */
  void removeUser() {
    if (--users == 0) {
      blocks.forEach(runtime::free);
      blocks.clear();
    }
  }
}
