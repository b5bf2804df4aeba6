package io.vquant.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Pages of one size in the order of their tokens, with their addresses in a table on the device.
 */
final class PageTable {
  private final CudaRuntime runtime;
  private final PagePool pool;
  private final long pageByteSize;
  private final long table;
  private final List<Long> pages = new ArrayList<>();
  private int first;

  /**
   * @param table device address of the first entry; there must be room
   */
  PageTable(CudaRuntime runtime, PagePool pool, long pageByteSize, long table) {
    this.runtime = runtime;
    this.pool = pool;
    this.pageByteSize = pageByteSize;
    this.table = table;
  }

  /** Pages, given-up ones included. */
  int size() {
    return pages.size();
  }

  /** Index of the first page that is still there. */
  int first() {
    return first;
  }

  long pageByteSize() {
    return pageByteSize;
  }

  long page(int index) {
    return pages.get(index);
  }

  /** Device address of the table. */
  long address() {
    return table;
  }

  /** Adds pages of undefined content until there are so many. */
  void grow(int size) {
    int from = pages.size();
    while (pages.size() < size) {
      pages.add(pool.take(pageByteSize));
    }
    upload(from);
  }

  private void upload(int from) {
    if (from >= pages.size()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      int count = pages.size() - from;
      MemorySegment addresses = arena.allocate((long) count * Long.BYTES, Long.BYTES);
      for (int i = 0; i < count; i++) {
        addresses.setAtIndex(ValueLayout.JAVA_LONG, i, pages.get(from + i));
      }
      runtime.stream().copyToDevice(table + (long) from * Long.BYTES, addresses);
    }
  }

  /** Gives up the pages before {@code index}; the others keep their numbers. */
  void releaseBefore(int index) {
    for (; first < index; first++) {
      pool.release(pages.get(first), pageByteSize);
    }
  }

  /** Gives up the first pages, and numbers the others from 0. */
  void removeFirst(int count) {
    releaseBefore(count);
    pages.subList(0, count).clear();
    first = 0;
    upload(0);
  }

  /** Gives up the pages from {@code size} on. */
  void shrink(int size) {
    while (pages.size() > size) {
      int last = pages.size() - 1;
      if (last >= first) {
        pool.release(pages.get(last), pageByteSize);
      }
      pages.remove(last);
    }
    first = Math.min(first, size);
  }

  /** Becomes the same pages as another table, which is of the same pool. */
  void share(PageTable other) {
    pages.addAll(other.pages);
    first = other.first;
    for (int i = first; i < pages.size(); i++) {
      pool.share(pages.get(i));
    }
    upload(0);
  }

  /** Becomes pages with the same content as another table's. */
  void copy(PageTable other) {
    grow(other.size());
    for (int i = 0; i < other.size(); i++) {
      runtime.stream().copyOnDevice(pages.get(i), other.pages.get(i), pageByteSize);
    }
  }

  /** Bytes of the pages that are there. */
  long byteSize() {
    return (pages.size() - first) * PagePool.rounded(pageByteSize);
  }
}
