package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.BFloat16;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Reads and writes rows of tiles: 64 tokens of all heads in BF16, as {@link PageLayout} says. */
final class Tiles {
  private static final ValueLayout.OfShort BF16 = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final long ELEMENT = 2;
  private static final long KEY_STRIDE = ELEMENT * PageLayout.TOKENS;

  private final PageLayout layout;

  Tiles(PageLayout layout) {
    this.layout = layout;
  }

  void writeKey(MemorySegment tile, int kvHead, int slot, float[] key) {
    long at = layout.keysOffset(kvHead) + ELEMENT * slot;
    for (int c = 0; c < layout.headDim(); c++) {
      tile.set(BF16, at + c * KEY_STRIDE, BFloat16.fromFloat(key[c]));
    }
  }

  void writeValue(MemorySegment tile, int kvHead, int slot, float[] value) {
    long at = valueOffset(kvHead, slot);
    for (int c = 0; c < layout.headDim(); c++) {
      tile.set(BF16, at + c * ELEMENT, BFloat16.fromFloat(value[c]));
    }
  }

  void readKey(float[] key, MemorySegment tile, int kvHead, int slot) {
    for (int c = 0; c < key.length; c++) {
      key[c] = key(tile, kvHead, slot, c);
    }
  }

  void readValue(float[] value, MemorySegment tile, int kvHead, int slot) {
    for (int c = 0; c < value.length; c++) {
      value[c] = value(tile, kvHead, slot, c);
    }
  }

  float key(MemorySegment tile, int kvHead, int slot, int channel) {
    return BFloat16.toFloat(tile.get(BF16, keyOffset(kvHead, slot, channel)));
  }

  void setKey(MemorySegment tile, int kvHead, int slot, int channel, float value) {
    tile.set(BF16, keyOffset(kvHead, slot, channel), BFloat16.fromFloat(value));
  }

  float value(MemorySegment tile, int kvHead, int slot, int channel) {
    return BFloat16.toFloat(tile.get(BF16, valueOffset(kvHead, slot) + channel * ELEMENT));
  }

  /** Copies key and value of one head. */
  void copyRow(MemorySegment to, int toSlot, MemorySegment from, int fromSlot, int kvHead) {
    for (int c = 0; c < layout.headDim(); c++) {
      to.set(BF16, keyOffset(kvHead, toSlot, c), from.get(BF16, keyOffset(kvHead, fromSlot, c)));
    }
    MemorySegment.copy(
        from,
        valueOffset(kvHead, fromSlot),
        to,
        valueOffset(kvHead, toSlot),
        ELEMENT * layout.headDim());
  }

  private long keyOffset(int kvHead, int slot, int channel) {
    return layout.keysOffset(kvHead) + channel * KEY_STRIDE + ELEMENT * slot;
  }

  private long valueOffset(int kvHead, int slot) {
    return layout.valuesOffset(kvHead) + ELEMENT * slot * layout.headDim();
  }
}
