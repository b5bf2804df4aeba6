package io.vquant.kernels.cpu;

/** Work that falls into independent blocks. */
@FunctionalInterface
interface ParallelTask {

  /**
   * Does one block.
   *
   * @param block from 0 to the number of blocks
   * @param worker the thread that does it, from 0 to the number of threads: which scratch it may
   *     use
   */
  void run(int block, int worker);
}
