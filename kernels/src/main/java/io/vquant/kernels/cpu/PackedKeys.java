package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.CodeFloats.halves;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.PageLayout;
import jdk.incubator.vector.FloatVector;

/**
 * Scores of queries with the packed keys of one head of a page. With codes c, scales a and zeros z
 * that hold for a group of channels of a token
 *
 * <pre>s_j = sum over groups of a_j (q . c_j) + z_j sum(q)</pre>
 *
 * and with scales and zeros a channel {@code s_j = (q a) . c_j + q . z}: no code is decoded.
 */
final class PackedKeys {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final long ROW_BYTES = 4L * TOKENS;

  private final GroupLayout layout;
  private final int bits;
  private final int words;
  private final int groupSize;
  private final float[] powers;
  private final float[] ones;
  private final float[] folded;
  private final float[] constants;
  private final float[] lanes = new float[LaneTree.LANES];
  private final int maxRows;

  private long turned;
  private long staging;
  private long part;
  private long floats;

  PackedKeys(GroupLayout layout, int maxRows) {
    this.layout = layout;
    this.maxRows = Simd.roundUp(maxRows, OuterTile.ROWS);
    bits = layout.bits().bits();
    words = layout.rowByteSize() / Integer.BYTES;
    groupSize = layout.isPerToken() ? layout.groupSize() : layout.headDim();
    powers = CodeTile.powers(layout.headDim(), bits);
    ones = CodeTile.powers(layout.headDim(), Integer.SIZE);
    boolean folds = !layout.isPerToken();
    folded = new float[folds ? this.maxRows * layout.headDim() : 0];
    constants = new float[folds ? this.maxRows : 0];
  }

  long scratchByteSize() {
    return WordTranspose.paddedWords(words) * ROW_BYTES
        + WordTranspose.stagingByteSize()
        + maxRows * ROW_BYTES
        + layout.headDim() * ROW_BYTES;
  }

  void useScratch(long scratch) {
    turned = scratch;
    staging = turned + WordTranspose.paddedWords(words) * ROW_BYTES;
    part = staging + WordTranspose.stagingByteSize();
    floats = part + maxRows * ROW_BYTES;
  }

  /**
   * Writes scores {@code [q.paddedRows(), 64]}.
   *
   * @param keys address of the head's keys
   */
  void scores(long scores, QueryRows q, long keys) {
    WordTranspose.transpose(turned, ROW_BYTES, keys, TOKENS, words, staging);
    if (!q.isFew()) {
      CodeFloats.unpack(floats, turned, ROW_BYTES, words, TOKENS / Simd.LANES, bits);
    }
    if (layout.isPerToken()) {
      scoreGroups(scores, q, keys + layout.scalesOffset());
    } else {
      scoreChannels(scores, q, keys + layout.scalesOffset());
    }
  }

  private void scoreGroups(long scores, QueryRows q, long grids) {
    long zeros = (long) layout.groupCount() * Short.BYTES;
    for (int group = 0; group * groupSize < layout.headDim(); group++) {
      multiply(part, q, q.grouped(), q.groupAt(group), group * groupSize, groupSize);
      long grid = grids + (long) group * TOKENS * Short.BYTES;
      if (group == 0) {
        begin(scores, part, grid, grid + zeros, q.sums(), q.rows());
      } else {
        add(scores, part, grid, grid + zeros, q.sums(), group * q.rows(), q.rows());
      }
    }
  }

  private void scoreChannels(long scores, QueryRows q, long scales) {
    int headDim = layout.headDim();
    long zeros = scales + (long) layout.groupCount() * Short.BYTES;
    float[] factors = q.isFew() ? powers : ones;
    fold(folded, q.full(), headDim, q.rows(), scales, factors);
    for (int row = 0; row < q.rows(); row++) {
      constants[row] = dot(q.full(), row * headDim, headDim, zeros, lanes);
    }
    multiply(scores, q, folded, 0, 0, headDim);
    for (int row = 0; row < q.rows(); row++) {
      shift(scores + row * ROW_BYTES, constants[row]);
    }
  }

  private void multiply(long c, QueryRows q, float[] a, int a0, int firstChannel, int inner) {
    if (q.isFew()) {
      long from = turned + firstChannel * bits / Integer.SIZE * ROW_BYTES;
      CodeTile.multiply(c, ROW_BYTES, TOKENS, a, a0, q.rows(), inner, from, ROW_BYTES, bits);
    } else {
      long from = floats + firstChannel * ROW_BYTES;
      OuterTile.multiply(c, q.paddedRows(), a, a0, inner, from, TOKENS / Simd.LANES);
    }
  }

  /**
   * Scores of the first group of channels. (No counted loops: too short to gain from what the
   * compiler does to those.)
   */
  static void begin(long scores, long part, long scales, long zeros, float[] sums, int rows) {
    long across = part - scores;
    long height = rows * ROW_BYTES;
    long grid = 0;
    for (long at = scores; at != scores + ROW_BYTES; at += Simd.BYTES) {
      FloatVector scale = halves(scales + grid);
      FloatVector zero = halves(zeros + grid);
      grid += Simd.BYTES / 2;
      int row = 0;
      for (long to = at; to != at + height; to += ROW_BYTES) {
        store(scale.fma(load(to + across), zero.mul(sums[row++])), to);
      }
    }
  }

  /** Adds those of another. */
  private static void add(
      long scores, long part, long scales, long zeros, float[] sums, int first, int rows) {
    long across = part - scores;
    long height = rows * ROW_BYTES;
    long grid = 0;
    for (long at = scores; at != scores + ROW_BYTES; at += Simd.BYTES) {
      FloatVector scale = halves(scales + grid);
      FloatVector zero = halves(zeros + grid);
      grid += Simd.BYTES / 2;
      int row = first;
      for (long to = at; to != at + height; to += ROW_BYTES) {
        FloatVector sum = FloatVector.broadcast(FLOATS, sums[row++]);
        store(scale.fma(load(to + across), zero.fma(sum, load(to))), to);
      }
    }
  }

  private static void shift(long scores, float constant) {
    for (long at = scores; at != scores + ROW_BYTES; at += Simd.BYTES) {
      store(load(at).add(constant), at);
    }
  }

  /** Query rows times the channels' scales, unscaled for {@link CodeTile}. */
  private static void fold(
      float[] to, float[] q, int headDim, int rows, long scales, float[] powers) {
    long from = scales;
    for (int c = 0; c != headDim; c += Simd.LANES) {
      FloatVector scale = halves(from);
      from += Simd.BYTES / 2;
      FloatVector power = FloatVector.fromArray(FLOATS, powers, c);
      int end = c + rows * headDim;
      for (int i = c; i != end; i += headDim) {
        FloatVector.fromArray(FLOATS, q, i).mul(scale).mul(power).intoArray(to, i);
      }
    }
  }

  /** In 16 lanes, by fma, then {@link LaneTree}. */
  private static float dot(float[] q, int from, int count, long zeros, float[] lanes) {
    for (int half = 0; half != LaneTree.LANES; half += Simd.LANES) {
      FloatVector sum = FloatVector.zero(FLOATS);
      long zero = zeros + 2L * half;
      int end = from + count + half;
      for (int i = from + half; i != end; i += LaneTree.LANES) {
        sum = FloatVector.fromArray(FLOATS, q, i).fma(halves(zero), sum);
        zero += 2L * LaneTree.LANES;
      }
      sum.intoArray(lanes, half);
    }
    return LaneTree.sum(lanes, 0);
  }
}
