package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/** Tokens of one layer that are stored as they are, from position 0 on, in pages of 64. */
public interface PlainPages {

  /** How a page lies. */
  PageLayout layout();

  /** Token positions {@code 64 * index} and on. */
  MemorySegment page(int index);

  /** Tokens stored. */
  int length();
}
