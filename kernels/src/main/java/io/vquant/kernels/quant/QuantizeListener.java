package io.vquant.kernels.quant;

/** Watches a matrix being quantized. */
@FunctionalInterface
public interface QuantizeListener {

  /** Watches nothing. */
  QuantizeListener NONE = (first, count) -> {};

  /**
   * Rows were read and are not needed until the next reading, if there is one; called by several
   * threads at once. With outliers each row is read twice.
   */
  void rowsRead(int first, int count);
}
