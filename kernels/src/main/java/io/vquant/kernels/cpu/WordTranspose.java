package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.INTS;
import static io.vquant.kernels.cpu.Simd.LANES;

import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Turns rows of 32-bit words {@code [rows, words]} to {@code [words, rows]}, so that a lane is a
 * row of codes: no sum then crosses lanes.
 *
 * <p>An exchange swaps one bit of a vector's number with one bit of the lane's number. Blocks of
 * {@code 2^k} vectors that hold the same number of words a row need k of them; where a vector holds
 * several whole rows, the last exchange also rotates the bits of the lane, which brings the rows
 * into their order.
 */
final class WordTranspose {

  private static final int LANE_BITS = Integer.numberOfTrailingZeros(LANES);
  private static final boolean WIDE = LANES == 16;
  private static final int[] EIGHT =
      tables(exchange(4, 0), exchange(2, 0), exchange(1, LANE_BITS - 3));
  private static final int[] FOUR = tables(exchange(2, 0), exchange(1, LANE_BITS - 2));
  private static final int[] UPPER_BITS = tables(exchange(WIDE ? 8 : 4, 0), exchange(4, 0));
  private static final int[] LOWER_BITS = tables(exchange(2, 0), exchange(1, 0));

  private static final VectorMask<Integer> BIT_4 = lanesWith(4);
  private static final VectorMask<Integer> BIT_2 = lanesWith(2);
  private static final VectorMask<Integer> BIT_1 = lanesWith(1);
  private static final VectorShuffle<Integer> SWAP_4 = swapped(4);
  private static final VectorShuffle<Integer> SWAP_2 = swapped(2);
  private static final VectorShuffle<Integer> SWAP_1 = swapped(1);

  private WordTranspose() {}

  /** Bytes of staging that {@link #transpose} needs. */
  static int stagingByteSize() {
    return LANES * BYTES;
  }

  /** Rows of the result that may be overwritten: {@code words}, rounded up. */
  static int paddedWords(int words) {
    return Simd.roundUp(words, LANES);
  }

  /**
   * Transposes.
   *
   * @param to {@code [paddedWords(words), rows]}, rows {@code toStride} bytes apart; what comes
   *     after row {@code words} is spoiled
   * @param from rows of words, dense; up to {@code LANES - 1} words after the last may be read
   * @param rows a multiple of 16
   * @param staging memory of {@link #stagingByteSize}
   */
  static void transpose(long to, long toStride, long from, int rows, int words, long staging) {
    long rowBytes = (long) words * Integer.BYTES;
    int blocks = rows / LANES;
    if (words == 4) {
      four(to, toStride, BYTES, from, BYTES, 4L * BYTES, blocks, FOUR);
    } else if (WIDE && words == 8) {
      eight(to, toStride, from, blocks);
    } else {
      for (int word = 0; word < words; word += LANES) {
        long target = to + word * toStride;
        long source = from + (long) word * Integer.BYTES;
        if (WIDE) {
          sixteen(target, toStride, source, rowBytes, blocks, staging);
        } else {
          eightNarrow(target, toStride, source, rowBytes, blocks);
        }
      }
    }
  }

  private static void sixteen(
      long to, long toStride, long from, long rowBytes, int blocks, long staging) {
    for (int block = 0; block < blocks; block++) {
      long source = from + (long) block * LANES * rowBytes;
      four(staging, 4L * BYTES, BYTES, source, 4 * rowBytes, rowBytes, 4, UPPER_BITS);
      long target = to + (long) block * BYTES;
      four(target, toStride, 4 * toStride, staging, BYTES, 4L * BYTES, 4, LOWER_BITS);
    }
  }

  /** Blocks of 16 rows of 8 words, in vectors of 16 lanes. */
  private static void eight(long to, long toStride, long from, int blocks) {
    IntVector low4 = index(EIGHT, 0);
    IntVector high4 = index(EIGHT, 1);
    IntVector low2 = index(EIGHT, 2);
    IntVector high2 = index(EIGHT, 3);
    IntVector low1 = index(EIGHT, 4);
    IntVector high1 = index(EIGHT, 5);
    for (int block = 0; block != blocks; block++) {
      long at = from + 8L * block * BYTES;
      IntVector a0 = load(at);
      IntVector a1 = load(at + BYTES);
      IntVector a2 = load(at + 2L * BYTES);
      IntVector a3 = load(at + 3L * BYTES);
      IntVector a4 = load(at + 4L * BYTES);
      IntVector a5 = load(at + 5L * BYTES);
      IntVector a6 = load(at + 6L * BYTES);
      IntVector a7 = load(at + 7L * BYTES);
      IntVector b0 = low4.selectFrom(a0, a4);
      IntVector b4 = high4.selectFrom(a0, a4);
      IntVector b1 = low4.selectFrom(a1, a5);
      IntVector b5 = high4.selectFrom(a1, a5);
      IntVector b2 = low4.selectFrom(a2, a6);
      IntVector b6 = high4.selectFrom(a2, a6);
      IntVector b3 = low4.selectFrom(a3, a7);
      IntVector b7 = high4.selectFrom(a3, a7);
      a0 = low2.selectFrom(b0, b2);
      a2 = high2.selectFrom(b0, b2);
      a1 = low2.selectFrom(b1, b3);
      a3 = high2.selectFrom(b1, b3);
      a4 = low2.selectFrom(b4, b6);
      a6 = high2.selectFrom(b4, b6);
      a5 = low2.selectFrom(b5, b7);
      a7 = high2.selectFrom(b5, b7);
      long target = to + (long) block * BYTES;
      store(low1.selectFrom(a0, a1), target);
      store(high1.selectFrom(a0, a1), target + toStride);
      store(low1.selectFrom(a2, a3), target + 2 * toStride);
      store(high1.selectFrom(a2, a3), target + 3 * toStride);
      store(low1.selectFrom(a4, a5), target + 4 * toStride);
      store(high1.selectFrom(a4, a5), target + 5 * toStride);
      store(low1.selectFrom(a6, a7), target + 6 * toStride);
      store(high1.selectFrom(a6, a7), target + 7 * toStride);
    }
  }

  /** Blocks of 8 rows, 8 words of each, in vectors of 8 lanes, which have no select from two. */
  private static void eightNarrow(long to, long toStride, long from, long rowBytes, int blocks) {
    for (int block = 0; block != blocks; block++) {
      long at = from + 8L * block * rowBytes;
      IntVector a0 = load(at);
      IntVector a1 = load(at + rowBytes);
      IntVector a2 = load(at + 2 * rowBytes);
      IntVector a3 = load(at + 3 * rowBytes);
      IntVector a4 = load(at + 4 * rowBytes);
      IntVector a5 = load(at + 5 * rowBytes);
      IntVector a6 = load(at + 6 * rowBytes);
      IntVector a7 = load(at + 7 * rowBytes);
      IntVector b0 = a0.blend(a4.rearrange(SWAP_4), BIT_4);
      IntVector b4 = a0.rearrange(SWAP_4).blend(a4, BIT_4);
      IntVector b1 = a1.blend(a5.rearrange(SWAP_4), BIT_4);
      IntVector b5 = a1.rearrange(SWAP_4).blend(a5, BIT_4);
      IntVector b2 = a2.blend(a6.rearrange(SWAP_4), BIT_4);
      IntVector b6 = a2.rearrange(SWAP_4).blend(a6, BIT_4);
      IntVector b3 = a3.blend(a7.rearrange(SWAP_4), BIT_4);
      IntVector b7 = a3.rearrange(SWAP_4).blend(a7, BIT_4);
      a0 = b0.blend(b2.rearrange(SWAP_2), BIT_2);
      a2 = b0.rearrange(SWAP_2).blend(b2, BIT_2);
      a1 = b1.blend(b3.rearrange(SWAP_2), BIT_2);
      a3 = b1.rearrange(SWAP_2).blend(b3, BIT_2);
      a4 = b4.blend(b6.rearrange(SWAP_2), BIT_2);
      a6 = b4.rearrange(SWAP_2).blend(b6, BIT_2);
      a5 = b5.blend(b7.rearrange(SWAP_2), BIT_2);
      a7 = b5.rearrange(SWAP_2).blend(b7, BIT_2);
      long target = to + (long) block * BYTES;
      store(a0.blend(a1.rearrange(SWAP_1), BIT_1), target);
      store(a0.rearrange(SWAP_1).blend(a1, BIT_1), target + toStride);
      store(a2.blend(a3.rearrange(SWAP_1), BIT_1), target + 2 * toStride);
      store(a2.rearrange(SWAP_1).blend(a3, BIT_1), target + 3 * toStride);
      store(a4.blend(a5.rearrange(SWAP_1), BIT_1), target + 4 * toStride);
      store(a4.rearrange(SWAP_1).blend(a5, BIT_1), target + 5 * toStride);
      store(a6.blend(a7.rearrange(SWAP_1), BIT_1), target + 6 * toStride);
      store(a6.rearrange(SWAP_1).blend(a7, BIT_1), target + 7 * toStride);
    }
  }

  /** Two exchanges on groups of four vectors. */
  private static void four(
      long to,
      long toStep,
      long toGroup,
      long from,
      long fromStep,
      long fromGroup,
      int groups,
      int[] table) {
    IntVector low1 = index(table, 0);
    IntVector high1 = index(table, 1);
    IntVector low0 = index(table, 2);
    IntVector high0 = index(table, 3);
    for (int group = 0; group != groups; group++) {
      long at = from + group * fromGroup;
      IntVector a0 = load(at);
      IntVector a1 = load(at + fromStep);
      IntVector a2 = load(at + 2 * fromStep);
      IntVector a3 = load(at + 3 * fromStep);
      IntVector b0 = low1.selectFrom(a0, a2);
      IntVector b2 = high1.selectFrom(a0, a2);
      IntVector b1 = low1.selectFrom(a1, a3);
      IntVector b3 = high1.selectFrom(a1, a3);
      long target = to + group * toGroup;
      store(low0.selectFrom(b0, b1), target);
      store(high0.selectFrom(b0, b1), target + toStep);
      store(low0.selectFrom(b2, b3), target + 2 * toStep);
      store(high0.selectFrom(b2, b3), target + 3 * toStep);
    }
  }

  private static IntVector load(long address) {
    return IntVector.fromMemorySegment(INTS, Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static void store(IntVector vector, long address) {
    vector.intoMemorySegment(Simd.MEMORY, address, ByteOrder.LITTLE_ENDIAN);
  }

  private static IntVector index(int[] table, int entry) {
    return IntVector.fromArray(INTS, table, entry * LANES);
  }

  /**
   * Which lanes of a pair of vectors (a: lanes 0 on, b: lanes {@code LANES} on) make the pair with
   * the bit exchanged, lane bits then rotated down by {@code rotation}.
   */
  private static int[][] exchange(int bit, int rotation) {
    int[][] pair = new int[2][LANES];
    for (int i = 0; i < LANES; i++) {
      int lane = ((i >>> rotation) | (i << (LANE_BITS - rotation))) & (LANES - 1);
      boolean upper = (lane & bit) != 0;
      pair[0][i] = upper ? LANES + (lane ^ bit) : lane;
      pair[1][i] = upper ? LANES + lane : lane ^ bit;
    }
    return pair;
  }

  private static int[] tables(int[][]... exchanges) {
    int[] joined = new int[2 * exchanges.length * LANES];
    for (int i = 0; i < exchanges.length; i++) {
      System.arraycopy(exchanges[i][0], 0, joined, 2 * i * LANES, LANES);
      System.arraycopy(exchanges[i][1], 0, joined, (2 * i + 1) * LANES, LANES);
    }
    return joined;
  }

  private static VectorMask<Integer> lanesWith(int bit) {
    boolean[] lanes = new boolean[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = (i & bit) != 0;
    }
    return VectorMask.fromArray(INTS, lanes, 0);
  }

  private static VectorShuffle<Integer> swapped(int bit) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = i ^ bit;
    }
    return VectorShuffle.fromArray(INTS, lanes, 0);
  }
}
