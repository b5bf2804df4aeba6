package io.vquant.kernels.kvcache;

/**
 * 64 consecutive tokens of one layer as they were computed, before any packing: what several
 * sequences with the same beginning may start from. The content never changes; a cache that would
 * write to it takes a copy. Belongs to the memory of the cache it came from and of that cache's
 * forks; released once.
 */
public final class SharedPage {
  private final KvMemory memory;
  private final KvBlock block;
  private boolean released;

  private SharedPage(KvMemory memory, KvBlock block) {
    this.memory = memory;
    this.block = block;
  }

  static SharedPage of(KvMemory memory, KvBlock block) {
    return new SharedPage(memory, memory.share(block));
  }

  /** The block with one more owner, for a layer of the same memory. */
  KvBlock shareWith(KvMemory other) {
    if (released || other != memory) {
      throw new IllegalStateException(
          released ? "the page was released" : "the page belongs to another cache's memory");
    }
    return memory.share(block);
  }

  /** Bytes of the page. */
  public long byteSize() {
    return block.byteSize();
  }

  /** Gives this page up; sequences that started from it keep theirs. */
  public void release() {
    if (!released) {
      released = true;
      memory.release(block);
    }
  }
}
