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

  /** Writes a weight row as F32 in lane order, padded with zeros. */
  void unpack(long unpacked, long row, int columns);

  /**
   * Dot products of four weight rows with one input, straight from their stored form.
   *
   * @param accumulators receives four vectors
   * @param w0 the first row; {@code w1} to {@code w3} the others (they may be the same)
   * @param arranged the input in lane order
   * @param staging four rows of two vectors each, for the rows' ends
   */
  void accumulate4(
      long accumulators,
      long w0,
      long w1,
      long w2,
      long w3,
      long arranged,
      int columns,
      long staging);
}
