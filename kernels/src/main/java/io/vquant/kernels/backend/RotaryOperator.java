package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;

/** Rotary position embedding, in place (Su et al. 2021, section 3.4; halves as in Hugging Face). */
@FunctionalInterface
public interface RotaryOperator {

  /**
   * Rotates each head of each row by its position: channel i of a head is paired with channel i +
   * headDim / 2.
   *
   * @param x {@code [rows, numHeads * headDim]} F32
   * @param startPosition position of row 0; the others follow
   */
  void forward(Tensor x, int startPosition);

  /**
   * The same for rows of several sequences.
   *
   * @param positions one a row
   */
  default void forward(Tensor x, int[] positions) {
    for (int row = 0; row < x.rows(); row++) {
      forward(x.rows(row, 1), positions[row]);
    }
  }
}
