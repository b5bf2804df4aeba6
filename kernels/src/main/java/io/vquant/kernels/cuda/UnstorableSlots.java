package io.vquant.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;

/**
 * Host memory in which kernels leave a value that a cache cannot hold ({@code append_lines.cu}):
 * one slot a cache that packs, looked at whenever the device has been waited for.
 */
final class UnstorableSlots {
  private static final int SLOT_BYTES = 16;
  private static final int SLOTS_A_BLOCK = 256;
  private static final int LAYER = 4;
  private static final int PLACE = 8;
  private static final int VALUE = 12;

  private final CudaRuntime runtime;
  private final Map<CudaKvCache, MemorySegment> taken = new HashMap<>();
  private MemorySegment free = MemorySegment.NULL;

  /** Slots given back, for the caches to come. */
  private final ArrayDeque<MemorySegment> returned = new ArrayDeque<>();

  UnstorableSlots(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Takes a slot for a cache; its address is the same on the host and on the device. */
  long take(CudaKvCache cache) {
    MemorySegment slot = returned.poll();
    if (slot == null) {
      if (free.byteSize() == 0) {
        free = runtime.allocatePinned((long) SLOTS_A_BLOCK * SLOT_BYTES);
      }
      slot = free.asSlice(0, SLOT_BYTES);
      free = free.asSlice(SLOT_BYTES);
    }
    slot.fill((byte) 0);
    taken.put(cache, slot);
    return slot.address();
  }

  /** Gives a closed cache's slot back: the device must be done with it. */
  void giveBack(CudaKvCache cache) {
    MemorySegment slot = taken.remove(cache);
    if (slot != null) {
      returned.add(slot);
    }
  }

  /** Tells each cache whose slot has a value, and empties the slot. */
  void spoilCaches() {
    for (Map.Entry<CudaKvCache, MemorySegment> entry : taken.entrySet()) {
      MemorySegment slot = entry.getValue();
      int position = slot.get(ValueLayout.JAVA_INT, 0) - 1;
      if (position >= 0) {
        int layer = slot.get(ValueLayout.JAVA_INT, LAYER);
        int place = slot.get(ValueLayout.JAVA_INT, PLACE);
        float value = slot.get(ValueLayout.JAVA_FLOAT, VALUE);
        slot.fill((byte) 0);
        entry.getKey().spoil(layer, position, place < 0, place & Integer.MAX_VALUE, value);
      }
    }
  }
}
