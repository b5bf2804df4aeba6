package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;
import static io.vquant.kernels.quant.PanelLayout.STRIP;
import static io.vquant.kernels.quant.PanelLayout.STRIP_WORDS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Input rows as products with codes take them: with 4 bits in the order of the codes, word after
 * word, each divided by the place of its code; and the sums of groups, which the zeros meet.
 */
final class PanelInput {

  /** Bytes of working memory that {@link #sumGroups} needs. */
  static final long SCRATCH_BYTES = (long) LANES * BYTES;

  /** Lanes of a sum, whatever the machine's vectors hold. */
  private static final int SUM_LANES = 16;

  /** {@code 16^-n} for code n of a word, 1 for the top one: see {@link CodePanel}. */
  private static final float[] POWERS = powers();

  /** For a vector of the result: which lanes of the input's vectors go there. */
  private static final VectorShuffle<Float> FIRST = sources(0);

  private static final VectorShuffle<Float> SECOND = sources(1);
  private static final VectorShuffle<Float> THIRD = sources(2);
  private static final VectorShuffle<Float> FOURTH = sources(3);

  /** The lanes of any result that come from the input's second vector, the third, the fourth. */
  private static final VectorMask<Float> FROM_SECOND = lanesFrom(1);

  private static final VectorMask<Float> FROM_THIRD = lanesFrom(2);
  private static final VectorMask<Float> FROM_FOURTH = lanesFrom(3);

  private PanelInput() {}

  private static float[] powers() {
    float[] powers = new float[LANES];
    for (int i = 0; i < LANES; i++) {
      int shift = 4 * (i % CodePanel.CODES_A_WORD);
      powers[i] = shift == CodePanel.TOP ? 1 : Math.scalb(1f, -shift);
    }
    return powers;
  }

  /** The column of a strip that comes to a place of the result. */
  private static int column(int place) {
    return STRIP_WORDS * (place % CodePanel.CODES_A_WORD) + place / CodePanel.CODES_A_WORD;
  }

  private static VectorShuffle<Float> sources(int vector) {
    int[] lanes = new int[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = column(vector * LANES + lane) % LANES;
    }
    return VectorShuffle.fromArray(FLOATS, lanes, 0);
  }

  private static VectorMask<Float> lanesFrom(int vector) {
    boolean[] lanes = new boolean[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = column(lane) / LANES == vector;
    }
    return VectorMask.fromArray(FLOATS, lanes, 0);
  }

  /**
   * Copies a row in pieces of {@code piece} elements, {@code stride} apart from {@code x[to]} on.
   */
  static void copy(float[] x, int to, int stride, long row, int columns, int piece) {
    long from = row;
    int first = to;
    for (int done = 0; done < columns; done += piece, first += stride) {
      for (int i = first; i < first + piece; i += LANES, from += BYTES) {
        load(from).intoArray(x, i);
      }
    }
  }

  /**
   * The same in the order of the codes, and divided; pieces are whole strips. Exact unless
   * subnormal.
   */
  static void arrange(float[] x, int to, int stride, long row, int columns, int piece) {
    if (LANES == 16) {
      arrangeWide(x, to, stride, row, columns, piece);
    } else {
      arrangeNarrow(x, to, stride, row, columns, piece);
    }
  }

  private static void arrangeWide(float[] x, int to, int stride, long row, int columns, int piece) {
    FloatVector powers = FloatVector.fromArray(FLOATS, POWERS, 0);
    long strip = row;
    int first = to;
    for (int done = 0; done < columns; done += piece, first += stride) {
      for (int i = first; i < first + piece; i += STRIP, strip += STRIP * Float.BYTES) {
        FloatVector a = load(strip);
        FloatVector b = load(strip + BYTES);
        FloatVector arranged = a.rearrange(FIRST).blend(b.rearrange(FIRST), FROM_SECOND);
        arranged.mul(powers).intoArray(x, i);
        arranged = a.rearrange(SECOND).blend(b.rearrange(SECOND), FROM_SECOND);
        arranged.mul(powers).intoArray(x, i + LANES);
      }
    }
  }

  private static void arrangeNarrow(
      float[] x, int to, int stride, long row, int columns, int piece) {
    long strip = row;
    int first = to;
    for (int done = 0; done < columns; done += piece, first += stride) {
      for (int i = first; i < first + piece; i += STRIP, strip += STRIP * Float.BYTES) {
        arrangeVector(x, i, strip, FIRST);
        arrangeVector(x, i + LANES, strip, SECOND);
        arrangeVector(x, i + 2 * LANES, strip, THIRD);
        arrangeVector(x, i + 3 * LANES, strip, FOURTH);
      }
    }
  }

  private static void arrangeVector(float[] x, int to, long strip, VectorShuffle<Float> sources) {
    load(strip)
        .rearrange(sources)
        .blend(load(strip + BYTES).rearrange(sources), FROM_SECOND)
        .blend(load(strip + 2L * BYTES).rearrange(sources), FROM_THIRD)
        .blend(load(strip + 3L * BYTES).rearrange(sources), FROM_FOURTH)
        .mul(FloatVector.fromArray(FLOATS, POWERS, 0))
        .intoArray(x, to);
  }

  /**
   * Writes the sums of a row's groups, and whatever fills the last vector. A sum is taken in 16
   * lanes, lane i the elements i, i + 16, ...; then lanes are added pairwise over the distances 8,
   * 4, 2, 1.
   *
   * @param sums of which elements {@code to} to the next multiple of {@code LANES} are overwritten
   * @param group elements of a group, a multiple of 16
   * @param scratch address of {@link #SCRATCH_BYTES} bytes
   */
  static void sumGroups(float[] sums, int to, long row, int groups, int group, long scratch) {
    for (int first = 0; first < groups; first += LANES) {
      int count = Math.min(LANES, groups - first);
      sumLanes(scratch, row + 4L * first * group, count, 4L * group);
      LaneReduction.reduce(scratch, scratch);
      load(scratch).intoArray(sums, to + first);
    }
  }

  /** The lanes of each sum, on narrow vectors after the first step of the tree. */
  private static void sumLanes(long to, long row, int groups, long groupBytes) {
    long at = row;
    for (int i = 0; i < groups; i++) {
      long end = at + groupBytes;
      FloatVector lower = FloatVector.zero(FLOATS);
      FloatVector upper = lower;
      for (; at != end; at += SUM_LANES * Float.BYTES) {
        lower = load(at).add(lower);
        if (LANES < SUM_LANES) {
          upper = load(at + BYTES).add(upper);
        }
      }
      store(LANES < SUM_LANES ? lower.add(upper) : lower, to + (long) i * BYTES);
    }
  }
}
