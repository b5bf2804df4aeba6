package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.HeadRows;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.StorableRows;
import io.vquant.kernels.quant.Float16;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Encodes one side of one head of a page. A lane is a group: tokens where groups run over channels
 * (the rows are turned first), channels where they run over tokens.
 */
final class PageEncoder {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final int TOKEN_BYTES = TOKENS * Float.BYTES;

  /** Floats of a cache line: what the turning of rows reads at once. */
  private static final int LINE_FLOATS = 16;

  /** As many bytes as a vector has floats. */
  private static final VectorSpecies<Byte> CODES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(LANES * Byte.SIZE));

  private final GroupLayout layout;
  private final int headDim;
  private final int maxCode;
  private final GroupFit fit;
  private final long turned;
  private final long scales;
  private final long zeros;
  private final long inverses;
  private final long codes;

  PageEncoder(GroupLayout layout, long scratch) {
    this.layout = layout;
    headDim = layout.headDim();
    maxCode = layout.bits().maxCode();
    turned = scratch;
    scales = turned + (long) headDim * TOKEN_BYTES;
    zeros = scales + (long) layout.groupCount() * Float.BYTES;
    inverses = zeros + (long) layout.groupCount() * Float.BYTES;
    codes = inverses + (long) layout.groupCount() * Float.BYTES;
    long slots = codes + codesByteSize(layout);
    fit = new GroupFit(layout.bits(), slots);
  }

  /** One row of codes, or the words of one vector of tokens. */
  private static long codesByteSize(GroupLayout layout) {
    return Math.max(Simd.roundUp(layout.columns(), BYTES), BYTES);
  }

  static long scratchByteSize(GroupLayout layout) {
    return (long) layout.headDim() * TOKEN_BYTES
        + 3L * layout.groupCount() * Float.BYTES
        + codesByteSize(layout)
        + GroupFit.SLOTS_BYTE_SIZE;
  }

  void encode(long page, HeadRows rows, long lines) {
    if (!isStorable(rows)) {
      StorableRows.require(rows);
    }
    if (layout.isPerToken()) {
      turn(rows);
      fitTokens();
    } else {
      fitChannels(rows, lines);
    }
    writeGrids(page);
    invertScales();
    if (!layout.isPerToken()) {
      packRows(page, rows.address(), rows.byteStride());
    } else if (layout.side() == KvSide.VALUES) {
      packRows(page, turned, TOKEN_BYTES);
    } else {
      packTokens(page);
    }
  }

  private boolean isStorable(HeadRows rows) {
    FloatVector largest = FloatVector.zero(FLOATS);
    for (int token = 0; token < TOKENS; token++) {
      long row = rows.address() + token * rows.byteStride();
      for (int channel = 0; channel < headDim; channel += LANES) {
        largest = load(row + (long) Float.BYTES * channel).abs().max(largest);
      }
    }
    // A NaN among them is the maximum of its lane, and compares false.
    return largest.compare(VectorOperators.LE, Float16.MAX_VALUE).allTrue();
  }

  /** Rows {@code [64, headDim]} to {@code [headDim, 64]}. */
  private void turn(HeadRows rows) {
    for (int first = 0; first < headDim; first += LINE_FLOATS) {
      for (int token = 0; token < TOKENS; token++) {
        long from = rows.address() + token * rows.byteStride() + (long) first * Float.BYTES;
        long to = turned + (long) first * TOKEN_BYTES + (long) token * Float.BYTES;
        for (int i = 0; i < LINE_FLOATS; i++) {
          Simd.set(to + (long) i * TOKEN_BYTES, Simd.get(from + (long) i * Float.BYTES));
        }
      }
    }
  }

  private void fitTokens() {
    int groupSize = layout.groupSize();
    for (int first = 0; first < headDim; first += groupSize) {
      for (int token = 0; token < TOKENS; token += LANES) {
        long at = (long) layout.group(token, first) * Float.BYTES;
        long elements = turned + (long) first * TOKEN_BYTES + (long) token * Float.BYTES;
        fit.fit(scales + at, zeros + at, elements, TOKEN_BYTES, groupSize, 0);
      }
    }
  }

  private void fitChannels(HeadRows rows, long lines) {
    for (int channel = 0; channel < headDim; channel += LANES) {
      long at = (long) channel * Float.BYTES;
      fit.fit(scales + at, zeros + at, rows.address() + at, rows.byteStride(), TOKENS, lines);
    }
  }

  private void writeGrids(long page) {
    int count = layout.groupCount();
    for (int i = 0; i < count; i++) {
      long from = (long) i * Float.BYTES;
      long to = page + (long) i * Short.BYTES;
      short scale = Float16.fromFloat(Simd.get(scales + from));
      short zero = Float16.fromFloat(Simd.get(zeros + from));
      Simd.MEMORY.set(Simd.SHORT, to + layout.scalesOffset(), scale);
      Simd.MEMORY.set(Simd.SHORT, to + layout.zerosOffset(), zero);
    }
    long end = layout.zerosOffset() + (long) count * Short.BYTES;
    Simd.zero(page + end, layout.byteSize() - end);
  }

  private void invertScales() {
    for (int i = 0; i < layout.groupCount(); i += LANES) {
      long at = (long) i * Float.BYTES;
      store(GroupCodes.inverse(load(scales + at)), inverses + at);
    }
  }

  /** Codes whose rows run along the lanes. */
  private void packRows(long page, long elements, long stride) {
    int columns = layout.columns();
    for (int row = 0; row < layout.rows(); row++) {
      for (int column = 0; column < columns; column += LANES) {
        int group = layout.isPerToken() ? layout.group(column, row) : layout.group(row, column);
        long at = (long) group * Float.BYTES;
        FloatVector x = load(elements + row * stride + (long) column * Float.BYTES);
        GroupCodes.shiftedCode(x, load(inverses + at), load(zeros + at), maxCode)
            .reinterpretAsInts()
            .and(maxCode)
            .convertShape(VectorOperators.I2B, CODES, 0)
            .reinterpretAsBytes()
            .intoMemorySegment(Simd.MEMORY, codes + column, ByteOrder.LITTLE_ENDIAN);
      }
      CodeRows.pack(page + (long) row * layout.rowByteSize(), codes, columns, layout.bits());
    }
  }

  /** Codes whose rows run across the lanes: a word of every token at once. */
  private void packTokens(long page) {
    int codesPerWord = layout.bits().codesPerWord();
    for (int token = 0; token < TOKENS; token += LANES) {
      for (int first = 0; first < headDim; first += codesPerWord) {
        long at = (long) layout.group(token, first) * Float.BYTES;
        long elements = turned + (long) first * TOKEN_BYTES + (long) token * Float.BYTES;
        joinWords(elements, at);
        scatterWords(page + layout.wordOffset(token, first));
      }
    }
  }

  /** One word of as many tokens as there are lanes, side by side. */
  private void joinWords(long elements, long grid) {
    int codesPerWord = layout.bits().codesPerWord();
    int bits = layout.bits().bits();
    FloatVector inverse = load(inverses + grid);
    FloatVector zero = load(zeros + grid);
    IntVector words = IntVector.zero(INTS);
    for (int i = 0; i < codesPerWord; i++) {
      FloatVector x = load(elements + (long) i * TOKEN_BYTES);
      IntVector code =
          GroupCodes.shiftedCode(x, inverse, zero, maxCode).reinterpretAsInts().and(maxCode);
      words = code.lanewise(VectorOperators.LSHL, bits * i).or(words);
    }
    words.intoMemorySegment(Simd.MEMORY, codes, ByteOrder.LITTLE_ENDIAN);
  }

  private void scatterWords(long firstWord) {
    for (int lane = 0; lane < LANES; lane++) {
      int word = Simd.MEMORY.get(CodeRows.WORD, codes + (long) lane * Integer.BYTES);
      CodeRows.setWord(firstWord + (long) lane * layout.rowByteSize(), word);
    }
  }
}
