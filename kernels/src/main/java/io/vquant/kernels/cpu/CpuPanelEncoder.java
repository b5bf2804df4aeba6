package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;
import static io.vquant.kernels.quant.PanelLayout.PANEL_ROWS;

import io.vquant.kernels.quant.Float16;
import io.vquant.kernels.quant.PanelEncoder;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.SymmetricGrid;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link io.vquant.kernels.quant.ScalarPanelEncoder} for as many rows at once as a vector has
 * lanes, bit for bit. For one thread.
 */
final class CpuPanelEncoder implements PanelEncoder {

  /** Bytes of working memory. */
  static final long SCRATCH_BYTES = GroupFit.SLOTS_BYTE_SIZE + 5L * BYTES;

  private static final long COLUMN_BYTES = (long) PANEL_ROWS * Float.BYTES;

  private final QuantScheme scheme;
  private final int columns;
  private final GroupFit fit;
  private final long fitted;
  private final long candidates;
  private final long leastErrors;
  private final long largest;
  private final short[] centers = new short[LANES];

  /**
   * @param scratch address of {@link #SCRATCH_BYTES} bytes
   */
  CpuPanelEncoder(QuantScheme scheme, int columns, long scratch) {
    this.scheme = scheme;
    this.columns = columns;
    fit = new GroupFit(scheme.bits(), scratch);
    fitted = scratch + GroupFit.SLOTS_BYTE_SIZE;
    candidates = fitted + 2L * BYTES;
    leastErrors = fitted + 3L * BYTES;
    largest = fitted + 4L * BYTES;
  }

  @Override
  public void encode(
      MemorySegment codes, MemorySegment scales, MemorySegment zeros, MemorySegment block) {
    for (int column = 0; column < columns; column += scheme.group()) {
      long half = (long) column / scheme.group() * PANEL_ROWS * Short.BYTES;
      for (int row = 0; row < PANEL_ROWS; row += LANES) {
        long elements = block.address() + column * COLUMN_BYTES + 4L * row;
        if (scheme.isAsymmetric()) {
          fit.fit(fitted, fitted + BYTES, elements, COLUMN_BYTES, scheme.group(), 0);
          storeHalves(zeros.address() + half + 2L * row, fitted + BYTES);
        } else {
          fitSymmetric(elements);
        }
        storeHalves(scales.address() + half + 2L * row, fitted);
        if (scheme.isAsymmetric()) {
          for (int strip = 0; strip < scheme.group(); strip += PanelLayout.STRIP) {
            long words = (column + strip) / 8L * PANEL_ROWS + row;
            packStrip(codes.address() + 4 * words, elements + strip * COLUMN_BYTES);
          }
        } else {
          packBytes(codes.address() + (long) column * PANEL_ROWS + row, elements);
        }
      }
    }
  }

  private void storeHalves(long to, long floats) {
    for (int i = 0; i < LANES; i++) {
      Simd.MEMORY.set(Simd.SHORT, to + 2L * i, Float16.fromFloat(Simd.get(floats + 4L * i)));
    }
  }

  private void fitSymmetric(long elements) {
    FloatVector max = FloatVector.zero(FLOATS);
    for (int i = 0; i < scheme.group(); i++) {
      max = load(elements + i * COLUMN_BYTES).abs().max(max);
    }
    store(max, largest);
    store(FloatVector.broadcast(FLOATS, Float.POSITIVE_INFINITY), leastErrors);
    for (int steps = SymmetricGrid.MOST_STEPS; steps >= SymmetricGrid.FEWEST_STEPS; steps--) {
      store(HalfRounding.round(load(largest).div(steps)), candidates);
      tryCandidates(elements);
    }
    for (int lane = 0; lane < LANES; lane++) {
      centers[lane] = Float16.fromFloat(Simd.get(fitted + 4L * lane));
    }
    for (int i = -SymmetricGrid.NEIGHBORS; i <= SymmetricGrid.NEIGHBORS; i++) {
      for (int lane = 0; lane < LANES; lane++) {
        short neighbor = SymmetricGrid.neighbor(centers[lane], i);
        Simd.set(candidates + 4L * lane, Float16.toFloat(neighbor));
      }
      tryCandidates(elements);
    }
  }

  /** Keeps the candidates, one a lane, that lose less than the best before them. */
  private void tryCandidates(long elements) {
    FloatVector scale = load(candidates);
    FloatVector inverse = GroupCodes.inverse(scale);
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int i = 0; i < scheme.group(); i++) {
      FloatVector weight = load(elements + i * COLUMN_BYTES);
      FloatVector error = weight.sub(scale.mul(code(weight, inverse)));
      sum = error.fma(error, sum);
    }
    FloatVector least = load(leastErrors);
    VectorMask<Float> better = sum.compare(VectorOperators.LT, least);
    store(least.blend(sum, better), leastErrors);
    store(load(fitted).blend(scale, better), fitted);
  }

  /** {@link SymmetricGrid#code} in lanes, codes as floats. */
  private static FloatVector code(FloatVector weight, FloatVector inverse) {
    float most = SymmetricGrid.MOST_STEPS;
    return weight.mul(inverse).min(most).max(-most).add(WHOLE).sub(WHOLE);
  }

  private void packStrip(long words, long elements) {
    FloatVector inverse = GroupCodes.inverse(load(fitted));
    FloatVector zero = load(fitted + BYTES);
    int maxCode = scheme.bits().maxCode();
    for (int j = 0; j < PanelLayout.STRIP_WORDS; j++) {
      IntVector word = IntVector.zero(INTS);
      for (int n = 0; n < Integer.SIZE / 4; n++) {
        FloatVector weight = load(elements + (4 * n + j) * COLUMN_BYTES);
        FloatVector shifted = GroupCodes.shiftedCode(weight, inverse, zero, maxCode);
        IntVector code = shifted.reinterpretAsInts().and(maxCode);
        word = code.lanewise(VectorOperators.LSHL, 4 * n).or(word);
      }
      word.intoMemorySegment(
          Simd.MEMORY, words + (long) j * PANEL_ROWS * 4, ByteOrder.LITTLE_ENDIAN);
    }
  }

  private void packBytes(long codes, long elements) {
    FloatVector inverse = GroupCodes.inverse(load(fitted));
    for (int i = 0; i < scheme.group(); i++) {
      store(code(load(elements + i * COLUMN_BYTES), inverse), fitted + BYTES);
      for (int lane = 0; lane < LANES; lane++) {
        byte code = (byte) Simd.get(fitted + BYTES + 4L * lane);
        Simd.MEMORY.set(ValueLayout.JAVA_BYTE, codes + (long) i * PANEL_ROWS + lane, code);
      }
    }
  }

  /** Floats of up to half its size, added to it and taken back, are rounded to nearest even. */
  private static final float WHOLE = 0x1.8p23f;
}
