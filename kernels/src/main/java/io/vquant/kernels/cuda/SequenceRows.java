package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * What kernels read about the rows of a step of several sequences: the position of each, and how
 * far its tables are from the first sequence's. Copied to the device when it changes.
 */
final class SequenceRows {
  static final int FIRST_ROWS = 64;

  private final CudaRuntime runtime;
  private int capacity = FIRST_ROWS;
  private DeviceMemory positionMemory;
  private DeviceMemory offsetMemory;
  private int[] positions = {};
  private long[] offsets = {};
  private boolean underWay;

  SequenceRows(CudaRuntime runtime) {
    this.runtime = runtime;
    positionMemory = runtime.allocate((long) capacity * Integer.BYTES);
    offsetMemory = runtime.allocate((long) capacity * Long.BYTES);
  }

  /** Whether a step of several sequences is under way. */
  boolean isUnderWay() {
    return underWay;
  }

  /** Runs a step of rows at these positions. */
  void during(int[] stepPositions, Runnable work) {
    address(stepPositions);
    underWay = true;
    try {
      work.run();
    } finally {
      underWay = false;
      runtime.rowAppends().clear();
    }
  }

  /** Device address of the position of a row of the step under way. */
  long address(int row) {
    return positionMemory.address() + (long) Integer.BYTES * row;
  }

  /** Device address of one int a row. */
  long address(int[] wanted) {
    if (!Arrays.equals(positions, wanted)) {
      reserve(wanted.length);
      try (Arena arena = Arena.ofConfined()) {
        copy(positionMemory, arena.allocateFrom(ValueLayout.JAVA_INT, wanted));
      }
      positions = wanted.clone();
    }
    return positionMemory.address();
  }

  /**
   * The row of the step under way that has this position, the first from {@code from} on.
   *
   * @return negative if there is none, or no step
   */
  int find(int position, int from) {
    for (int row = from; underWay && row < positions.length; row++) {
      if (positions[row] == position) {
        return row;
      }
    }
    return -1;
  }

  /** Device address of one long a row: how many bytes its address is after the first. */
  long offsets(long[] addresses) {
    long[] wanted = Arrays.stream(addresses).map(address -> address - addresses[0]).toArray();
    if (!Arrays.equals(offsets, wanted)) {
      reserve(wanted.length);
      try (Arena arena = Arena.ofConfined()) {
        copy(offsetMemory, arena.allocateFrom(ValueLayout.JAVA_LONG, wanted));
      }
      offsets = wanted;
    }
    return offsetMemory.address();
  }

  private void copy(DeviceMemory target, MemorySegment values) {
    runtime.stream().copyToDevice(target.address(), values);
  }

  private void reserve(int rows) {
    if (rows <= capacity) {
      return;
    }
    runtime.free(positionMemory);
    runtime.free(offsetMemory);
    capacity = rows;
    positionMemory = runtime.allocate((long) rows * Integer.BYTES);
    offsetMemory = runtime.allocate((long) rows * Long.BYTES);
    positions = new int[0];
    offsets = new long[0];
  }
}
