package io.vquant.kernels.kvcache;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * The memory of a cache and of all its copies, in blocks that they share until one writes. Freed
 * blocks wait for reuse; everything goes back to the system when the last copy closes. Safe for
 * several threads.
 */
final class KvMemory {
  private static final int ALIGNMENT = 128;

  private final Arena arena = Arena.ofShared();
  private final Map<Long, Deque<KvBlock>> free = new HashMap<>();
  private int users = 1;
  private long bytesInUse;

  /** A block with one owner; its content is undefined. */
  synchronized KvBlock take(long byteSize) {
    Deque<KvBlock> waiting = free.get(byteSize);
    KvBlock block = waiting == null ? null : waiting.pollLast();
    bytesInUse += byteSize;
    if (block == null) {
      return new KvBlock(arena.allocate(byteSize, ALIGNMENT));
    }
    block.addOwner();
    return block;
  }

  synchronized KvBlock share(KvBlock block) {
    block.addOwner();
    return block;
  }

  synchronized void release(KvBlock block) {
    if (block.removeOwner()) {
      bytesInUse -= block.byteSize();
      free.computeIfAbsent(block.byteSize(), size -> new ArrayDeque<>()).addLast(block);
    }
  }

  /** The block itself when it has one owner, else a copy in its place. */
  synchronized KvBlock writable(KvBlock block) {
    if (!block.isShared()) {
      return block;
    }
    KvBlock copy = take(block.byteSize());
    copy.segment.copyFrom(block.segment);
    release(block);
    return copy;
  }

  /** Bytes of blocks that have an owner. */
  synchronized long bytesInUse() {
    return bytesInUse;
  }

  synchronized KvMemory addUser() {
    users++;
    return this;
  }

  synchronized void removeUser() {
    if (--users == 0) {
      arena.close();
    }
  }
}
