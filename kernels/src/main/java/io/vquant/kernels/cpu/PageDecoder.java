package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.HeadRows;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.quant.Float16;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Decodes one side of one head of a page to rows {@code [64, headDim]}. */
final class PageDecoder {

  private static final int TOKENS = PageLayout.TOKENS;

  /** As many bytes as a vector has floats. */
  private static final VectorSpecies<Byte> CODES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(LANES * Byte.SIZE));

  private final GroupLayout layout;
  private final int headDim;
  private final long scales;
  private final long zeros;
  private final long codes;
  private final long turned;

  PageDecoder(GroupLayout layout, long scratch) {
    this.layout = layout;
    headDim = layout.headDim();
    scales = scratch;
    zeros = scales + (long) layout.groupCount() * Float.BYTES;
    codes = zeros + (long) layout.groupCount() * Float.BYTES;
    turned = codes + (long) TOKENS * headDim;
  }

  static long scratchByteSize(GroupLayout layout) {
    return 2L * layout.groupCount() * Float.BYTES + 2L * TOKENS * layout.headDim();
  }

  void decode(HeadRows rows, long page) {
    readGrids(page);
    CodeRows.unpack(codes, page, TOKENS * headDim, layout.bits());
    long tokenCodes = codes;
    if (layout.side() == KvSide.VALUES) {
      CodeRows.transpose(turned, codes, headDim, TOKENS);
      tokenCodes = turned;
    }
    for (int token = 0; token < TOKENS; token++) {
      long to = rows.address() + token * rows.byteStride();
      long from = tokenCodes + (long) token * headDim;
      if (layout.isPerToken()) {
        decodeToken(to, from, token);
      } else {
        decodeChannels(to, from);
      }
    }
  }

  private void readGrids(long page) {
    for (int i = 0; i < layout.groupCount(); i++) {
      long from = page + (long) i * Short.BYTES;
      long to = (long) i * Float.BYTES;
      short scale = Simd.MEMORY.get(Simd.SHORT, from + layout.scalesOffset());
      short zero = Simd.MEMORY.get(Simd.SHORT, from + layout.zerosOffset());
      Simd.set(scales + to, Float16.toFloat(scale));
      Simd.set(zeros + to, Float16.toFloat(zero));
    }
  }

  private void decodeToken(long to, long from, int token) {
    int groupSize = layout.groupSize();
    for (int first = 0; first < headDim; first += groupSize) {
      long at = (long) layout.group(token, first) * Float.BYTES;
      FloatVector scale = FloatVector.broadcast(FLOATS, Simd.get(scales + at));
      FloatVector zero = FloatVector.broadcast(FLOATS, Simd.get(zeros + at));
      for (int channel = first; channel < first + groupSize; channel += LANES) {
        store(scale.fma(floatCodes(from + channel), zero), to + (long) channel * Float.BYTES);
      }
    }
  }

  private void decodeChannels(long to, long from) {
    for (int channel = 0; channel < headDim; channel += LANES) {
      long at = (long) channel * Float.BYTES;
      store(load(scales + at).fma(floatCodes(from + channel), load(zeros + at)), to + at);
    }
  }

  private static FloatVector floatCodes(long address) {
    ByteVector bytes =
        ByteVector.fromMemorySegment(CODES, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
    IntVector integers =
        (IntVector) bytes.convertShape(VectorOperators.ZERO_EXTEND_B2I, Simd.INTS, 0);
    return (FloatVector) integers.convert(VectorOperators.I2F, 0);
  }
}
