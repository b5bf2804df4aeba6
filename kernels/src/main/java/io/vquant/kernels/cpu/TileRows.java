package io.vquant.kernels.cpu;

import io.vquant.kernels.kvcache.PageLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** One head of a BF16 tile as F32 rows {@code [64, headDim]}. */
final class TileRows {

  private static final int TOKENS = PageLayout.TOKENS;

  /** As many 16-bit elements as a vector has floats. */
  private static final VectorSpecies<Short> HALVES =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Simd.LANES * Short.SIZE));

  private TileRows() {}

  /** Values lie as rows already. */
  static void values(long rows, long tile, int headDim) {
    int count = TOKENS * headDim;
    for (int i = 0; i < count; i += Simd.LANES) {
      Simd.store(widened(tile + 2L * i), rows + 4L * i);
    }
  }

  /** Keys lie transposed {@code [headDim, 64]}. */
  static void keys(long rows, long tile, int headDim) {
    float[] channel = new float[TOKENS];
    for (int c = 0; c < headDim; c++) {
      for (int i = 0; i < TOKENS; i += Simd.LANES) {
        widened(tile + 2L * (c * TOKENS + i)).intoArray(channel, i);
      }
      for (int token = 0; token < TOKENS; token++) {
        Simd.set(rows + 4L * (token * headDim + c), channel[token]);
      }
    }
  }

  private static FloatVector widened(long address) {
    ShortVector halves =
        ShortVector.fromMemorySegment(HALVES, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
    IntVector bits = (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, Simd.INTS, 0);
    return bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }
}
