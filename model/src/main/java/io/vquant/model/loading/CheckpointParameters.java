package io.vquant.model.loading;

import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.layers.ParameterSource;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import io.vquant.weights.WeightScope;
import java.util.List;

/** Parameters out of a checkpoint, each held against the shape that the config asks for. */
final class CheckpointParameters implements ParameterSource {
  private final WeightScope scope;
  private final WeightConversion conversion;
  private final StoredCodes codes;

  CheckpointParameters(WeightScope scope, WeightConversion conversion, StoredCodes codes) {
    this.scope = scope;
    this.conversion = conversion;
    this.codes = codes;
  }

  @Override
  public CheckpointParameters child(String name) {
    return new CheckpointParameters(scope.child(name), conversion, codes);
  }

  @Override
  public boolean contains(String name) {
    return scope.contains(name) || scope.contains(name + StoredCodes.CODES);
  }

  @Override
  public LinearWeight weight(String name, int rows, int columns) {
    if (codes.holds(scope, name)) {
      return conversion.stored(
          scope.prefix() + name, codes.read(scope, name, rows, columns, conversion));
    }
    StoredTensor stored = read(scope, name, List.of((long) rows, (long) columns), "config.json");
    return conversion.matrix(stored, rows, columns);
  }

  @Override
  public Tensor vector(String name, int size) {
    return conversion.vector(read(scope, name, List.of((long) size), "config.json"), size);
  }

  /** A tensor of this shape. */
  static StoredTensor read(WeightScope scope, String name, List<Long> shape, String source) {
    StoredTensor stored = scope.get(name);
    if (!stored.shape().equals(shape)) {
      throw new MalformedCheckpointException(
          stored.file(),
          stored.name(),
          stored.fileOffset(),
          "shape " + shape + " as " + source + " says",
          "shape " + stored.shape());
    }
    return stored;
  }
}
