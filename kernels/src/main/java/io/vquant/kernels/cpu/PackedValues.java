package io.vquant.kernels.cpu;

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
  private static final long ROW_BYTES = 4L * TOKENS;

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
  private long scales;
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
        + WordTranspose.stagingByteSize(layout.headDim())
        + 2L * layout.groupCount() * Float.BYTES
        + maxRows * partStride
        + TOKENS * partStride;
  }

  void useScratch(long scratch) {
    turned = scratch;
    staging = turned + LineSpan.TILES * turnedBytes;
    part = staging + WordTranspose.stagingByteSize(layout.headDim());
    floats = part + maxRows * partStride;
    scales = floats + TOKENS * partStride;
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
  void add(long out, long outStride, long weights, int rows, int tile, long values) {
    CodeFloats.widenHalves(scales, values + layout.scalesOffset(), 2 * layout.groupCount());
    boolean few = rows <= QueryRows.FEW;
    long zeros = (long) layout.groupCount() * Float.BYTES;
    for (int group = 0; group < groups; group++) {
      long grid = scales + 4L * group * TOKENS;
      for (int row = 0; row < rows; row++) {
        int lanes = (row * groups + group) * LaneTree.LANES;
        long at = weights + row * ROW_BYTES;
        scale(scaled, row * TOKENS, at, grid, few ? powers : ones);
        addZeros(zeroLanes, lanes, at, grid + zeros);
      }
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

  /** One row of weights times the scales of a group, unscaled for {@link CodeTile}. */
  private static void scale(float[] to, int first, long weights, long scales, float[] powers) {
    long across = weights - scales;
    int j = 0;
    for (long at = scales; at != scales + ROW_BYTES; at += Simd.BYTES) {
      FloatVector power = FloatVector.fromArray(FLOATS, powers, j);
      load(at + across).mul(load(at)).mul(power).intoArray(to, first + j);
      j += Simd.LANES;
    }
  }

  /** Adds one row of weights times the zeros of a group to 16 lanes. */
  private static void addZeros(float[] lanes, int to, long weights, long zeros) {
    long across = weights - zeros;
    for (int half = 0; half != LaneTree.LANES; half += Simd.LANES) {
      FloatVector sum = FloatVector.fromArray(FLOATS, lanes, to + half);
      long first = zeros + 4L * half;
      for (long at = first; at != first + ROW_BYTES; at += 4L * LaneTree.LANES) {
        sum = load(at + across).fma(load(at), sum);
      }
      sum.intoArray(lanes, to + half);
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
