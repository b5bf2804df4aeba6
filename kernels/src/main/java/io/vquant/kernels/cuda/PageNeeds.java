package io.vquant.kernels.cuda;

import java.util.HashMap;
import java.util.Map;

/** How many pages of each size a pass takes: reserved together, before anything changes. */
final class PageNeeds {
  private final PagePool pool;
  private final Map<Long, Integer> counts = new HashMap<>();

  PageNeeds(PagePool pool) {
    this.pool = pool;
  }

  void add(long pageByteSize, int count) {
    counts.merge(PagePool.rounded(pageByteSize), count, Integer::sum);
  }

  /**
   * Takes the memory.
   *
   * @throws io.vquant.kernels.backend.OutOfDeviceMemoryException if there is none
   */
  void reserve() {
    counts.forEach(pool::reserve);
  }
}
