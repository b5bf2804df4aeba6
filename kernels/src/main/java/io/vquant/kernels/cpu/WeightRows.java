package io.vquant.kernels.cpu;

import io.vquant.kernels.tensor.DType;

/**
 * How rows of one stored type enter a dot product. A row of weights and a row of input meet in the
 * same <i>lane order</i>: which element lands in which lane at which step. It is the same for one
 * input row as for many, so a result has the same bits in prefill and in decode.
 */
interface WeightRows {

  /** Rows of the given type. */
  static WeightRows of(DType dtype) {
    return switch (dtype) {
      case BF16 -> new Bf16Rows();
      case F16 -> new F16Rows();
      case F32 -> new F32Rows();
    };
  }

  /** Vectors of a row in lane order, the last padded with zeros. */
  int vectors(int columns);

  /** Writes an F32 row in lane order, padded with zeros. */
  void arrangeInput(long arranged, long x, int columns);

  /** The way back: takes a row in lane order, divides it and writes it in memory order. */
  void restore(long to, long arranged, int columns, float divisor);

  /** Writes a weight row as F32 in lane order, padded with zeros. */
  void unpack(long unpacked, long row, int columns);

  /**
   * The dot product of a weight row with an input, straight from its stored form, its lanes not yet
   * summed up. One row after the other reads memory in one stream, which is twice as fast as four
   * rows side by side; rows overlap all the same, out of order.
   *
   * @param accumulator receives one vector
   * @param row the weight row
   * @param arranged the input in lane order
   * @param staging two vectors for the row's end
   */
  void accumulate(long accumulator, long row, long arranged, int columns, long staging);

  /** Whether {@link #tile} reads rows of so many columns as they are stored. */
  boolean tilesInPlace(int columns);

  /** Bytes of a row staged for {@link #tile}. */
  long stagedByteSize(int columns);

  /** Writes a row as {@link #tile} reads it where it cannot be read in place. */
  void stageForTile(long staged, long row, int columns);

  /**
   * The accumulators of {@link DotTile#ROWS} input rows with {@link DotTile#COLUMNS} weight rows.
   *
   * @param accumulators as of {@link DotTile#accumulate}
   * @param w first of the weight rows, stored or staged
   * @param wStride bytes between weight rows
   * @param x first of the input rows in lane order
   * @param xStride bytes between input rows
   */
  void tile(long accumulators, long w, long wStride, long x, long xStride, int columns);
}
