package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Blocks of one size in the order of their tokens; the first ones may have been given up. */
final class BlockList {
  private final KvMemory memory;
  private final long blockByteSize;
  private @Nullable KvBlock[] blocks = new KvBlock[4];
  private int first;
  private int end;

  BlockList(KvMemory memory, long blockByteSize) {
    this.memory = memory;
    this.blockByteSize = blockByteSize;
  }

  /** Blocks, given-up ones included. */
  int size() {
    return end;
  }

  /** Index of the first block that is still there. */
  int first() {
    return first;
  }

  MemorySegment segment(int index) {
    return block(index).segment;
  }

  private KvBlock block(int index) {
    KvBlock block = index >= first && index < end ? blocks[index] : null;
    if (block == null) {
      throw new IndexOutOfBoundsException("block " + index + " of " + first + " to " + end);
    }
    return block;
  }

  /** The block's memory for writing: no longer shared. */
  MemorySegment writable(int index) {
    KvBlock own = memory.writable(block(index));
    blocks[index] = own;
    return own.segment;
  }

  /** Adds a block of undefined content. */
  MemorySegment add() {
    KvBlock block = memory.take(blockByteSize);
    add(block);
    return block.segment;
  }

  /** A block for others to read. */
  SharedPage sharePage(int index) {
    return SharedPage.of(memory, block(index));
  }

  /** Adds a block that others read too. */
  void adopt(SharedPage page) {
    KvBlock block = page.shareWith(memory);
    if (block.byteSize() != blockByteSize) {
      memory.release(block);
      throw new IllegalArgumentException(
          "a page of " + page.byteSize() + " bytes: expected " + blockByteSize);
    }
    add(block);
  }

  private void add(KvBlock block) {
    if (end == blocks.length) {
      blocks = Arrays.copyOf(blocks, 2 * end);
    }
    blocks[end++] = block;
  }

  /** Gives up the blocks before {@code index}; the others keep their numbers. */
  void releaseBefore(int index) {
    for (; first < index; first++) {
      memory.release(block(first));
      blocks[first] = null;
    }
  }

  /** Gives up the blocks before {@code index}, and numbers the others from 0. */
  void removeBefore(int index) {
    releaseBefore(index);
    System.arraycopy(blocks, index, blocks, 0, end - index);
    Arrays.fill(blocks, end - index, end, null);
    end -= index;
    first = 0;
  }

  /** Gives up the blocks from {@code index} on. */
  void releaseFrom(int index) {
    while (end > Math.max(index, first)) {
      memory.release(block(end - 1));
      blocks[--end] = null;
    }
  }

  /** The same blocks, shared. */
  BlockList share() {
    BlockList copy = new BlockList(memory, blockByteSize);
    copy.blocks = blocks.clone();
    copy.first = first;
    copy.end = end;
    for (int i = first; i < end; i++) {
      memory.share(block(i));
    }
    return copy;
  }

  /**
   * Carries the blocks, into an empty list when reading.
   *
   * @param least blocks, given-up ones included
   * @param most of them
   */
  void transfer(KvTransfer transfer, int least, int most) {
    int size = transfer.number("blocks", end, least, most);
    int firstThere = transfer.number("first block", first, 0, size);
    if (transfer.isReading()) {
      blocks = new KvBlock[Math.max(4, size)];
      first = firstThere;
      end = firstThere;
      while (end < size) {
        add();
      }
    }
    for (int i = first; i < end; i++) {
      transfer.block(segment(i));
    }
  }

  /** Bytes of the blocks that are there. */
  long byteSize() {
    return (end - first) * blockByteSize;
  }
}
