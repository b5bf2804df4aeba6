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

  private final GroupLayout layout;
  private final int bits;
  private final int words;
  private final int groupSize;
  private final int groups;
  private final int maxRows;
  private final long turnedStride;
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
    partStride = 4L * Simd.roundUp(groupSize, CodeTile.COLUMN_BLOCK);
    powers = CodeTile.powers(TOKENS, bits);
    ones = CodeTile.powers(TOKENS, Integer.SIZE);
    scaled = new float[this.maxRows * TOKENS];
    zeroLanes = new float[this.maxRows * groups * LaneTree.LANES];
  }

  long scratchByteSize() {
    return WordTranspose.paddedWords(words) * turnedStride
        + WordTranspose.stagingByteSize()
        + 2L * layout.groupCount() * Float.BYTES
        + maxRows * partStride
        + TOKENS * partStride;
  }

  void useScratch(long scratch) {
    turned = scratch;
    staging = turned + WordTranspose.paddedWords(words) * turnedStride;
    part = staging + WordTranspose.stagingByteSize();
    floats = part + maxRows * partStride;
    scales = floats + TOKENS * partStride;
  }

  /** Starts sums over some pages. */
  void begin(int rows) {
    Arrays.fill(zeroLanes, 0, rows * groups * LaneTree.LANES, 0);
  }

  /**
   * Adds a page, but for its zeros.
   *
   * @param out {@code [rows, headDim]}, rows {@code outStride} bytes apart
   * @param weights {@code [rows, 64]}, dense
   * @param values address of the head's values
   */
  void add(long out, long outStride, float[] weights, int rows, long values) {
    WordTranspose.transpose(turned, turnedStride, values, layout.headDim(), words, staging);
    CodeFloats.widenHalves(scales, values + layout.scalesOffset(), 2 * layout.groupCount());
    boolean few = rows <= QueryRows.FEW;
    long zeros = scales + (long) layout.groupCount() * Float.BYTES;
    for (int group = 0; group < groups; group++) {
      long grid = 4L * group * TOKENS;
      for (int row = 0; row < rows; row++) {
        int lanes = (row * groups + group) * LaneTree.LANES;
        scale(row * TOKENS, weights, scales + grid, few ? powers : ones);
        addZeros(lanes, weights, row * TOKENS, zeros + grid);
      }
      multiply(rows, group, few);
      for (int row = 0; row < rows; row++) {
        addTo(out + row * outStride + 4L * group * groupSize, part + row * partStride, groupSize);
      }
    }
  }

  private void multiply(int rows, int group, boolean few) {
    long from = turned + 4L * group * groupSize;
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
        shift(out + row * outStride + 4L * group * groupSize, sum, groupSize);
      }
    }
  }

  private void scale(int from, float[] weights, long scales, float[] powers) {
    for (int j = 0; j < TOKENS; j += Simd.LANES) {
      FloatVector product =
          FloatVector.fromArray(FLOATS, weights, from + j).mul(load(scales + 4L * j));
      product.mul(FloatVector.fromArray(FLOATS, powers, j)).intoArray(scaled, from + j);
    }
  }

  private void addZeros(int lanes, float[] weights, int from, long zeros) {
    for (int half = 0; half < LaneTree.LANES; half += Simd.LANES) {
      FloatVector sum = FloatVector.fromArray(FLOATS, zeroLanes, lanes + half);
      for (int j = half; j < TOKENS; j += LaneTree.LANES) {
        sum = FloatVector.fromArray(FLOATS, weights, from + j).fma(load(zeros + 4L * j), sum);
      }
      sum.intoArray(zeroLanes, lanes + half);
    }
  }

  private static void addTo(long out, long part, int count) {
    for (long at = 0; at < 4L * count; at += Simd.BYTES) {
      store(load(out + at).add(load(part + at)), out + at);
    }
  }

  private static void shift(long out, float sum, int count) {
    for (long at = 0; at < 4L * count; at += Simd.BYTES) {
      store(load(out + at).add(sum), out + at);
    }
  }
}
