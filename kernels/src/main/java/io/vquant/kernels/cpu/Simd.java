package io.vquant.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shape of this machine and raw access to native memory.
 *
 * <p>Kernels address memory by absolute address through one segment that spans everything: off-heap
 * is then the only access profile the compiler sees, and no liveness or bounds check stands in a
 * loop. Operators check shapes once, before a kernel runs; bounds are the kernels' own duty.
 */
final class Simd {

  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

  /** Floats a vector: 16 with AVX-512, 8 with AVX2. */
  static final int LANES = FLOATS.length();

  /** Bytes a vector. */
  static final int BYTES = LANES * Float.BYTES;

  @SuppressWarnings("restricted")
  static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  static final int UPPER_HALF = 0xffff0000;

  private Simd() {}

  static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(FLOATS, MEMORY, address, ORDER);
  }

  static void store(FloatVector vector, long address) {
    vector.intoMemorySegment(MEMORY, address, ORDER);
  }

  /** Pairs of 16-bit elements: element 2 i in the lower half of lane i, 2 i + 1 in the upper. */
  static IntVector loadPairs(long address) {
    return IntVector.fromMemorySegment(INTS, MEMORY, address, ORDER);
  }

  /** The even elements of BF16 pairs. */
  static FloatVector evenBf16(IntVector pairs) {
    return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /** The odd elements of BF16 pairs. */
  static FloatVector oddBf16(IntVector pairs) {
    return pairs.and(UPPER_HALF).reinterpretAsFloats();
  }

  static float get(long address) {
    return MEMORY.get(FLOAT, address);
  }

  static void set(long address, float value) {
    MEMORY.set(FLOAT, address, value);
  }

  /**
   * Writes zeros. Not by filling a slice of {@link #MEMORY}: the first file that is mapped would
   * undo the compilation of whatever calls that.
   */
  static void zero(long address, long byteSize) {
    FloatVector zero = FloatVector.zero(FLOATS);
    long at = 0;
    for (; at <= byteSize - BYTES; at += BYTES) {
      store(zero, address + at);
    }
    for (; at < byteSize; at++) {
      MEMORY.set(ValueLayout.JAVA_BYTE, address + at, (byte) 0);
    }
  }

  /** Rounds up to whole multiples. */
  static int roundUp(int value, int multiple) {
    return Math.ceilDiv(value, multiple) * multiple;
  }
}
