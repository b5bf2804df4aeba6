package io.vquant.kernels.kvcache;

import java.util.Arrays;

/**
 * Which tokens of packed pages are lines: 64 bits a page and KV head, bit j for token j. They
 * belong to a sequence, so that sequences can share the pages.
 */
final class LineMasks {
  private final long[][] masks;
  private int pages;

  LineMasks(int numKvHeads) {
    masks = new long[numKvHeads][8];
  }

  LineMasks copy() {
    LineMasks copy = new LineMasks(masks.length);
    Arrays.setAll(copy.masks, head -> masks[head].clone());
    copy.pages = pages;
    return copy;
  }

  /** Masks of a head, page by page; valid until pages are added. */
  long[] ofHead(int kvHead) {
    return masks[kvHead];
  }

  void addPages(int count) {
    pages += count;
    if (pages > masks[0].length) {
      for (int head = 0; head < masks.length; head++) {
        masks[head] = Arrays.copyOf(masks[head], Math.max(pages, 2 * masks[head].length));
      }
    }
  }

  void set(int kvHead, int position) {
    masks[kvHead][position / PageLayout.TOKENS] |= 1L << position;
  }

  void clear(int kvHead, int position) {
    masks[kvHead][position / PageLayout.TOKENS] &= ~(1L << position);
  }

  void clearAll() {
    for (long[] head : masks) {
      Arrays.fill(head, 0);
    }
    pages = 0;
  }

  /** Carries the masks of so many pages. */
  void transfer(KvTransfer transfer, int pageCount) {
    if (transfer.isReading()) {
      addPages(pageCount);
    }
    for (long[] head : masks) {
      transfer.longs(head, pages);
    }
  }

  boolean isSet(int kvHead, int position) {
    return (masks[kvHead][position / PageLayout.TOKENS] & 1L << position) != 0;
  }

  long byteSize() {
    return (long) Long.BYTES * masks.length * pages;
  }
}
