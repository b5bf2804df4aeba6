package io.vquant.kernels.kvcache;

import java.lang.foreign.MemorySegment;

/**
 * Carries the state of a cache out of it, or into an empty one. Each part of a cache names its
 * state once, in one order, for both directions.
 */
public interface KvTransfer {
  /** Whether state comes in; else it goes out. */
  boolean isReading();

  /**
   * A number of the state.
   *
   * @param value what it is; not looked at when reading
   * @return what it is from now on
   * @throws IllegalArgumentException if a number that was read is not from {@code least} to {@code
   *     most}
   */
  int number(String what, int value, int least, int most);

  /** Elements from 0 on; overwritten when reading. */
  void floats(float[] values, int count);

  /** Elements from 0 on; overwritten when reading. */
  void ints(int[] values, int count);

  /** Elements from 0 on; overwritten when reading. */
  void longs(long[] values, int count);

  /** A page or tile; overwritten when reading. */
  void block(MemorySegment block);
}
