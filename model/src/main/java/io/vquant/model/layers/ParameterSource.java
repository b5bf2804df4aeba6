package io.vquant.model.layers;

import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.tensor.Tensor;

/** Where layers take their parameters from, by the names of Hugging Face checkpoints. */
public interface ParameterSource {

  /** The parameters whose names go on with {@code name} and a dot. */
  ParameterSource child(String name);

  /** The parameters of one layer of a list. */
  default ParameterSource child(int index) {
    return child(Integer.toString(index));
  }

  /** Whether a parameter of this name exists. */
  boolean contains(String name);

  /**
   * The matrix {@code [rows, columns]} of a linear layer or an embedding, in codes if weights are
   * quantized; another shape is an exception that names both.
   */
  LinearWeight weight(String name, int rows, int columns);

  /** A parameter {@code [size]}, as {@code [1, size]}. */
  Tensor vector(String name, int size);
}
