package io.vquant.kernels.cpu;

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
  private long scales;
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
        + 2L * layout.groupCount() * Float.BYTES
        + maxRows * ROW_BYTES
        + layout.headDim() * ROW_BYTES;
  }

  void useScratch(long scratch) {
    turned = scratch;
    staging = turned + WordTranspose.paddedWords(words) * ROW_BYTES;
    part = staging + WordTranspose.stagingByteSize();
    floats = part + maxRows * ROW_BYTES;
    scales = floats + layout.headDim() * ROW_BYTES;
  }

  /**
   * Writes scores {@code [q.paddedRows(), 64]}.
   *
   * @param keys address of the head's keys
   */
  void scores(long scores, QueryRows q, long keys) {
    WordTranspose.transpose(turned, ROW_BYTES, keys, TOKENS, words, staging);
    CodeFloats.widenHalves(scales, keys + layout.scalesOffset(), 2 * layout.groupCount());
    if (!q.isFew()) {
      CodeFloats.unpack(floats, turned, ROW_BYTES, words, TOKENS / Simd.LANES, bits);
    }
    if (layout.isPerToken()) {
      scoreGroups(scores, q);
    } else {
      scoreChannels(scores, q);
    }
  }

  private void scoreGroups(long scores, QueryRows q) {
    long zeros = scales + (long) layout.groupCount() * Float.BYTES;
    for (int group = 0; group * groupSize < layout.headDim(); group++) {
      long grid = group * ROW_BYTES;
      multiply(part, q, q.grouped(), q.groupAt(group), group * groupSize, groupSize);
      for (int row = 0; row < q.rows(); row++) {
        long at = row * ROW_BYTES;
        float sum = q.sum(group, row);
        if (group == 0) {
          begin(scores + at, part + at, scales + grid, zeros + grid, sum);
        } else {
          add(scores + at, part + at, scales + grid, zeros + grid, sum);
        }
      }
    }
  }

  private void scoreChannels(long scores, QueryRows q) {
    int headDim = layout.headDim();
    long zeros = scales + (long) layout.groupCount() * Float.BYTES;
    for (int row = 0; row < q.rows(); row++) {
      fold(folded, q.full(), row * headDim, headDim, scales, q.isFew() ? powers : ones);
      constants[row] = dot(q.full(), row * headDim, headDim, zeros);
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

  private static void begin(long scores, long part, long scales, long zeros, float sum) {
    for (long at = 0; at < ROW_BYTES; at += Simd.BYTES) {
      FloatVector base = load(zeros + at).mul(sum);
      store(load(scales + at).fma(load(part + at), base), scores + at);
    }
  }

  private static void add(long scores, long part, long scales, long zeros, float sum) {
    FloatVector factor = FloatVector.broadcast(FLOATS, sum);
    for (long at = 0; at < ROW_BYTES; at += Simd.BYTES) {
      FloatVector base = load(zeros + at).fma(factor, load(scores + at));
      store(load(scales + at).fma(load(part + at), base), scores + at);
    }
  }

  private static void shift(long scores, float constant) {
    for (long at = 0; at < ROW_BYTES; at += Simd.BYTES) {
      store(load(scores + at).add(constant), scores + at);
    }
  }

  /** A query row times the channels' scales, unscaled for {@link CodeTile}. */
  private static void fold(
      float[] to, float[] q, int from, int count, long scales, float[] powers) {
    for (int i = 0; i < count; i += Simd.LANES) {
      FloatVector scaled = FloatVector.fromArray(FLOATS, q, from + i).mul(load(scales + 4L * i));
      scaled.mul(FloatVector.fromArray(FLOATS, powers, i)).intoArray(to, from + i);
    }
  }

  /** In 16 lanes, by fma, then {@link LaneTree}. */
  private float dot(float[] q, int from, int count, long zeros) {
    for (int half = 0; half < LaneTree.LANES; half += Simd.LANES) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = half; i < count; i += LaneTree.LANES) {
        sum = FloatVector.fromArray(FLOATS, q, from + i).fma(load(zeros + 4L * i), sum);
      }
      sum.intoArray(lanes, half);
    }
    return LaneTree.sum(lanes, 0);
  }
}
