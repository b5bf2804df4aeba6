package io.vquant.kernels.kvcache;

/** Sizes that a file only claims may pass 2^63 - 1: they are then reported as that. */
final class ByteCount {
  private ByteCount() {}

  /** The product of sizes that are not negative. */
  static long product(long... factors) {
    long product = 1;
    for (long factor : factors) {
      if (Math.multiplyHigh(product, factor) != 0 || product * factor < 0) {
        return Long.MAX_VALUE;
      }
      product *= factor;
    }
    return product;
  }

  /** The sum of sizes that are not negative. */
  static long sum(long... terms) {
    long sum = 0;
    for (long term : terms) {
      sum = sum > Long.MAX_VALUE - term ? Long.MAX_VALUE : sum + term;
    }
    return sum;
  }
}
