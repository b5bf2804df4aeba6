package io.vquant.kernels.cpu;

import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.tensor.Tensor;

/**
 * A matrix product in blocks of work, each some rows of the output by some columns, so that
 * products of one input can be one task. {@link #plan} comes first, then {@link #arrange} of one of
 * those that take the same input, then the blocks in any order.
 */
sealed interface BlockLinear extends LinearOperator permits CpuLinear, CpuQuantizedLinear {

  /**
   * Takes up operands.
   *
   * @return how many blocks of work there are
   */
  int plan(Tensor out, Tensor x);

  /** Brings the input into the order of the weight, for this operator and those like it. */
  void arrange(Tensor x);

  /** Does a block of work. */
  void runBlock(int block, int worker);

  /** The part of the output that a block of the planned work is. */
  OutputBlock outputOf(int block);

  /** Whether the input is arranged as another operator's. */
  boolean takesInputOf(BlockLinear other);

  /** Whether blocks are also the same. */
  boolean hasShapeOf(BlockLinear other);

  /** Rows and columns of an output. */
  record OutputBlock(int firstRow, int rows, int firstColumn, int columns) {}
}
