package io.vquant.kernels.cuda.blas;

/**
 * What an algorithm is chosen by: {@code [rows, inFeatures]} times the transposed {@code
 * [outFeatures, inFeatures]}.
 *
 * @param outStride elements from a row of the result to the next
 * @param outAlignment bytes that divide the result's address
 * @param weightAlignment bytes that divide the weight's address
 */
public record BlasShape(
    int rows,
    int outFeatures,
    int inFeatures,
    long outStride,
    boolean hasBias,
    int outAlignment,
    int weightAlignment) {

  /** The largest power of two up to 256 that divides an address. */
  public static int alignment(long address) {
    return (int) Math.min(BlasProduct.OPERAND_ALIGNMENT, Long.lowestOneBit(address));
  }
}
