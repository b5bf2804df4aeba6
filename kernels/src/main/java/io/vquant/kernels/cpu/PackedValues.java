package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.CodeFloats.halves;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.PageLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Weighted sums of the packed values of one head. With codes c, scales a and zeros z that hold for
 * a group of channels of a token
 *
 * <pre>o_c = sum over pages of (p a) . c_c, and at the end + sum of p_j z_j</pre>
 *
 * so there is one scaled row of weights a group, and one number a group to add to all its channels.
 */
final class PackedValues {

  private static final int TOKENS = PageLayout.TOKENS;

  private final GroupLayout layout;
  private final int bits;
  private final int words;
  private final int groupSize;
  private final int groups;
  private final int maxRows;
  private final long turnedStride;
  private final long turnedBytes;
  private final long partStride;
  private final float[] powers;
  private final float[] ones;
  private final float[] scaled;
  private final float[] zeroLanes;

  private long turned;
  private long staging;
  private long part;
  private long floats;

  PackedValues(GroupLayout layout, int maxRows) {
    this.layout = layout;
    this.maxRows = Simd.roundUp(maxRows, OuterTile.ROWS);
    bits = layout.bits().bits();
    words = layout.rowByteSize() / Integer.BYTES;
    groupSize = layout.groupSize();
    groups = layout.headDim() / groupSize;
    turnedStride = 4L * Simd.roundUp(layout.headDim(), CodeTile.COLUMN_BLOCK);
    turnedBytes = WordTranspose.paddedWords(words) * turnedStride;
    partStride = 4L * Simd.roundUp(groupSize, CodeTile.COLUMN_BLOCK);
    powers = CodeTile.powers(TOKENS, bits);
    ones = CodeTile.powers(TOKENS, Integer.SIZE);
    scaled = new float[this.maxRows * TOKENS];
    zeroLanes = new float[this.maxRows * groups * LaneTree.LANES];
  }

  long scratchByteSize() {
    return LineSpan.TILES * turnedBytes
        + WordTranspose.stagingByteSize()
        + maxRows * partStride
        + TOKENS * partStride;
  }

  void useScratch(long scratch) {
    turned = scratch;
    staging = turned + LineSpan.TILES * turnedBytes;
    part = staging + WordTranspose.stagingByteSize();
    floats = part + maxRows * partStride;
  }

  /**
   * Brings a page's codes near, right after its keys, which lie before them: memory is then read in
   * one direction.
   *
   * @param tile where the page stands in the span
   * @param values address of the head's values
   */
  void fetch(int tile, long values) {
    long to = turned + tile * turnedBytes;
    WordTranspose.transpose(to, turnedStride, values, layout.headDim(), words, staging);
  }

  /** Starts sums over some pages. */
  void begin(int rows) {
    Arrays.fill(zeroLanes, 0, rows * groups * LaneTree.LANES, 0);
  }

  /**
   * Adds a page that was fetched, but for its zeros.
   *
   * @param tile where the page stands in the span
   * @param out {@code [rows, headDim]}, rows {@code outStride} bytes apart
   * @param weights {@code [rows, 64]}, dense
   * @param values address of the head's values
   */
  void add(long out, long outStride, float[] weights, int rows, int tile, long values) {
    boolean few = rows <= QueryRows.FEW;
    long grids = values + layout.scalesOffset();
    long zeros = (long) layout.groupCount() * Short.BYTES;
    for (int group = 0; group < groups; group++) {
      long grid = grids + (long) group * TOKENS * Short.BYTES;
      int lanes = groups * LaneTree.LANES;
      scale(scaled, weights, rows, grid, few ? powers : ones);
      addZeros(zeroLanes, group * LaneTree.LANES, lanes, weights, rows, grid + zeros);
      multiply(tile, rows, group, few);
      addTo(out + 4L * group * groupSize, outStride, part, partStride, rows, 4L * groupSize);
    }
  }

  private void multiply(int tile, int rows, int group, boolean few) {
    long from = turned + tile * turnedBytes + 4L * group * groupSize;
    if (few) {
      CodeTile.multiply(
          part, partStride, groupSize, scaled, 0, rows, TOKENS, from, turnedStride, bits);
    } else {
      int vectors = (int) (partStride / Simd.BYTES);
      CodeFloats.unpack(floats, from, turnedStride, words, vectors, bits);
      int padded = Simd.roundUp(rows, OuterTile.ROWS);
      OuterTile.multiply(part, padded, scaled, TOKENS, floats, vectors);
    }
  }

  /** Adds the zeros of all pages since {@link #begin}. */
  void end(long out, long outStride, int rows) {
    for (int row = 0; row < rows; row++) {
      for (int group = 0; group < groups; group++) {
        float sum = LaneTree.sum(zeroLanes, (row * groups + group) * LaneTree.LANES);
        shift(out + row * outStride + 4L * group * groupSize, sum, 4L * groupSize);
      }
    }
  }

  /** The weights times the scales of a group, unscaled for {@link CodeTile}. */
  static void scale(float[] to, float[] weights, int rows, long scales, float[] powers) {
    long from = scales;
    for (int j = 0; j != TOKENS; j += Simd.LANES) {
      FloatVector scale = halves(from);
      from += Simd.BYTES / 2;
      FloatVector power = FloatVector.fromArray(FLOATS, powers, j);
      int end = j + rows * TOKENS;
      for (int i = j; i != end; i += TOKENS) {
        FloatVector.fromArray(FLOATS, weights, i).mul(scale).mul(power).intoArray(to, i);
      }
    }
  }

  /** Adds the weights times the zeros of a group to 16 lanes a row. */
  static void addZeros(
      float[] lanes, int first, int stride, float[] weights, int rows, long zeros) {
    long from = zeros;
    for (int j = 0; j != TOKENS; j += Simd.LANES) {
      FloatVector zero = halves(from);
      from += Simd.BYTES / 2;
      int at = first + j % LaneTree.LANES;
      int end = j + rows * TOKENS;
      for (int i = j; i != end; i += TOKENS) {
        FloatVector sum = FloatVector.fromArray(FLOATS, lanes, at);
        FloatVector.fromArray(FLOATS, weights, i).fma(zero, sum).intoArray(lanes, at);
        at += stride;
      }
    }
  }

  /** Adds rows of {@code rowBytes} bytes, whole vectors, to others. */
  static void addTo(long out, long outStride, long part, long partStride, int rows, long rowBytes) {
    long to = out;
    long from = part;
    for (long end = part + rows * partStride; from != end; from += partStride) {
      long across = to - from;
      for (long at = from; at != from + rowBytes; at += Simd.BYTES) {
        store(load(at + across).add(load(at)), at + across);
      }
      to += outStride;
    }
  }

  private static void shift(long out, float sum, long rowBytes) {
    for (long at = out; at != out + rowBytes; at += Simd.BYTES) {
      store(load(at).add(sum), at);
    }
  }
}
