package io.vquant.kernels.backend;

import io.vquant.kernels.tensor.Tensor;
import java.util.List;

/** Matrix products of one input with several fixed weights. */
@FunctionalInterface
public interface LinearGroup {

  /** One product after the other. */
  static LinearGroup inTurn(List<LinearOperator> linears) {
    LinearOperator[] operators = linears.toArray(LinearOperator[]::new);
    return (outs, x) -> {
      requireOuts(outs, operators.length);
      for (int i = 0; i < operators.length; i++) {
        operators[i].forward(outs[i], x);
      }
    };
  }

  /**
   * Refuses another number of outputs than of weights.
   *
   * @throws IllegalArgumentException if there are not {@code expected}
   */
  static void requireOuts(Tensor[] outs, int expected) {
    if (outs.length != expected) {
      throw new IllegalArgumentException(
          outs.length + " outputs of a group of linear operators: expected " + expected);
    }
  }

  /**
   * Computes what {@link LinearOperator#forward} of each weight computes, bit for bit.
   *
   * @param outs one of {@code [rows, outFeatures]} F32 for each weight, not overlapping {@code x}
   * @param x {@code [rows, inFeatures]} F32
   */
  void forward(Tensor[] outs, Tensor x);
}
