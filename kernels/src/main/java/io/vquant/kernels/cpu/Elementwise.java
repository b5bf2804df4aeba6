package io.vquant.kernels.cpu;

/** What operators on single elements share. */
final class Elementwise {

  /** Elements of a block of work: a few microseconds. */
  private static final int BLOCK_ELEMENTS = 8192;

  private Elementwise() {}

  /** Rows of a block of work. */
  static int blockRows(int columns) {
    return Math.max(1, BLOCK_ELEMENTS / Math.max(1, columns));
  }
}
