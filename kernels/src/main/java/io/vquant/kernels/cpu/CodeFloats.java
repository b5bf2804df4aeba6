package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.INTS;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Stored numbers to floats, in their own order. */
final class CodeFloats {

  /** As many halves as a vector has floats. */
  private static final VectorSpecies<Short> HALVES =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Simd.LANES * Short.SIZE));

  /** Sign and magnitude of a half that was moved up by 13 bits. */
  private static final int MOVED_HALF = 0x8fffe000;

  private CodeFloats() {}

  /**
   * Codes of transposed words, each a float.
   *
   * @param floats {@code [words * codes a word, vectors]}, dense
   * @param words {@code [words, vectors]}, rows {@code stride} bytes apart
   * @param vectors columns in vectors
   */
  static void unpack(long floats, long words, long stride, int wordCount, int vectors, int bits) {
    int mask = (1 << bits) - 1;
    long rowBytes = (long) vectors * BYTES;
    long to = floats;
    for (int word = 0; word < wordCount; word++) {
      for (int shift = 0; shift != Integer.SIZE; shift += bits) {
        for (long at = 0; at != rowBytes; at += BYTES) {
          IntVector packed =
              IntVector.fromMemorySegment(
                  INTS, Simd.MEMORY, words + word * stride + at, ByteOrder.LITTLE_ENDIAN);
          IntVector codes = packed.lanewise(VectorOperators.LSHR, shift).and(mask);
          Simd.store((FloatVector) codes.convert(VectorOperators.I2F, 0), to + at);
        }
        to += rowBytes;
      }
    }
  }

  /** Finite halves, exactly; {@code count} a multiple of 16. */
  static void widenHalves(long floats, long halves, int count) {
    for (int i = 0; i < count; i += Simd.LANES) {
      FloatVector moved =
          loadHalves(halves + 2L * i)
              .lanewise(VectorOperators.LSHL, 13)
              .and(MOVED_HALF)
              .reinterpretAsFloats();
      // The exponent is 112 too low; a multiplication mends it, for subnormals as well.
      Simd.store(moved.mul(0x1p112f), floats + 4L * i);
    }
  }

  /** BF16, exactly; {@code count} a multiple of 16. */
  static void widenBf16(long floats, long halves, int count) {
    for (int i = 0; i < count; i += Simd.LANES) {
      IntVector moved = loadHalves(halves + 2L * i).lanewise(VectorOperators.LSHL, 16);
      Simd.store(moved.reinterpretAsFloats(), floats + 4L * i);
    }
  }

  /** Halves with their sign extended. */
  private static IntVector loadHalves(long address) {
    ShortVector halves =
        ShortVector.fromMemorySegment(HALVES, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
    return (IntVector) halves.convertShape(VectorOperators.S2I, INTS, 0);
  }
}
