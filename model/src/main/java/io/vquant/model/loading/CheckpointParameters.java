package io.vquant.model.loading;

import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.layers.ParameterSource;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import io.vquant.weights.WeightScope;
import java.util.List;

/** Parameters out of a checkpoint, each held against the shape that the config asks for. */
final class CheckpointParameters implements ParameterSource {
  private final WeightScope scope;
  private final TensorBridge bridge;

  CheckpointParameters(WeightScope scope, TensorBridge bridge) {
    this.scope = scope;
    this.bridge = bridge;
  }

  @Override
  public CheckpointParameters child(String name) {
    return new CheckpointParameters(scope.child(name), bridge);
  }

  @Override
  public boolean contains(String name) {
    return scope.contains(name);
  }

  @Override
  public Tensor matrix(String name, int rows, int columns) {
    return bridge.tensor(read(name, List.of((long) rows, (long) columns)), rows, columns);
  }

  @Override
  public Tensor vector(String name, int size) {
    return bridge.tensor(read(name, List.of((long) size)), 1, size);
  }

  private StoredTensor read(String name, List<Long> shape) {
    StoredTensor stored = scope.get(name);
    if (!stored.shape().equals(shape)) {
      throw new MalformedCheckpointException(
          stored.file(),
          stored.name(),
          stored.fileOffset(),
          "shape " + shape + " as config.json says",
          "shape " + stored.shape());
    }
    return stored;
  }
}
