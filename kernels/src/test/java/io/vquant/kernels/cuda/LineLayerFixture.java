package io.vquant.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.LongStream;

/** Layers as kernels see them, one a sequence, filled field by field ({@link LineLayerTable}). */
final class LineLayerFixture {
  private static final int HEADS = 8;
  private static final int TILES = 64;

  private final CudaRuntime runtime;
  private final int numKvHeads;
  private final MemorySegment structs;

  LineLayerFixture(CudaRuntime runtime, int sequences, int numKvHeads) {
    this.runtime = runtime;
    this.numKvHeads = numKvHeads;
    structs = Arena.ofAuto().allocate((long) LineLayerTable.BYTES * sequences, Long.BYTES);
  }

  /**
   * Fills the layer of a sequence.
   *
   * @param pages device address of page addresses
   * @param lineMasks device address of {@code [numKvHeads, maxPages]}
   * @param tiles device address of tile addresses: 8 of the slab, then hot ones
   * @param slabDead device address of {@code [numKvHeads, 8]}
   * @param counts tiles of the slab, hot tiles, packed pages
   */
  void set(
      int sequence,
      long pages,
      long lineMasks,
      int maxPages,
      long tiles,
      long slabDead,
      int... counts) {
    MemorySegment struct =
        structs.asSlice((long) LineLayerTable.BYTES * sequence, LineLayerTable.BYTES);
    long slabRows = 4L * numKvHeads * LineLayerTable.SLAB_ROWS;
    long hotRows = 4L * numKvHeads * TILES * 64;
    long[] addresses = {
      pages,
      lineMasks,
      tiles,
      slabDead,
      zeros(slabRows),
      zeros(slabRows),
      zeros(slabRows),
      zeros(hotRows),
      zeros(hotRows),
      zeros(hotRows),
      zeros(4L * numKvHeads),
      0,
      zeros(4L * numKvHeads * TILES * 64 * HEADS),
      0
    };
    for (int i = 0; i < addresses.length; i++) {
      struct.setAtIndex(ValueLayout.JAVA_LONG, i, addresses[i]);
    }
    struct.set(ValueLayout.JAVA_LONG, 112, maxPages);
    int[] numbers = {TILES * 64, TILES, 0, counts[0], counts[1], 0, counts[2]};
    for (int i = 0; i < numbers.length; i++) {
      struct.set(ValueLayout.JAVA_INT, 120 + 4L * i, numbers[i]);
    }
  }

  private long zeros(long byteSize) {
    long address = runtime.allocate(byteSize).address();
    runtime.stream().zero(address, byteSize);
    return address;
  }

  /** Addresses of all, given the first. */
  long[] addresses(long first) {
    long sequences = structs.byteSize() / LineLayerTable.BYTES;
    return LongStream.range(0, sequences).map(i -> first + LineLayerTable.BYTES * i).toArray();
  }

  /** Device address of all. */
  long upload() {
    long address = runtime.allocate(structs.byteSize()).address();
    runtime.stream().copyToDevice(address, structs);
    runtime.stream().synchronize();
    return address;
  }
}
