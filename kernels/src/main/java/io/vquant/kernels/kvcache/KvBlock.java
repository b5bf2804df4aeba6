package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/** A piece of cache memory: a page or a tile. Written only while it has one owner. */
final class KvBlock {
  final MemorySegment segment;
  private int owners = 1;

  KvBlock(MemorySegment segment) {
    this.segment = segment;
  }

  long byteSize() {
    return segment.byteSize();
  }

  boolean isShared() {
    return owners > 1;
  }

  void addOwner() {
    owners++;
  }

  /** Whether the last owner is gone. */
  boolean removeOwner() {
    return --owners == 0;
  }
}
