package io.vquant.model.loading;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.DenseWeight;
import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.quant.UnquantizableWeightException;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import java.util.Optional;

/**
 * Matrices of a checkpoint as a backend computes with them: in place, or quantized while they are
 * read. What has been read is given back to the system, so a model is never in memory in both
 * forms.
 */
final class WeightConversion {
  private final KernelBackend backend;
  private final TensorBridge bridge;
  private final WeightPolicy policy;
  private final WeightTally tally;

  /**
   * A conversion of one checkpoint.
   *
   * @param bridge told of bytes that are done
   */
  WeightConversion(
      KernelBackend backend, TensorBridge bridge, WeightPolicy policy, WeightTally tally) {
    this.backend = backend;
    this.bridge = bridge;
    this.policy = policy;
    this.tally = tally;
  }

  /** A norm weight or a bias, which stay as they are. */
  Tensor vector(StoredTensor stored, int size) {
    Tensor tensor = bridge.tensor(stored, 1, size);
    tally.addDense(stored);
    return tensor;
  }

  /** Whether the matrix of this full name will be quantized. */
  boolean quantizes(String name) {
    return policy.schemeOf(name).isPresent();
  }

  /** The matrix of a linear layer or an embedding. */
  LinearWeight matrix(StoredTensor stored, int rows, int columns) {
    Optional<QuantScheme> scheme = policy.schemeOf(stored.name());
    if (scheme.isEmpty()) {
      Tensor tensor = bridge.tensor(stored, rows, columns);
      tally.addDense(stored);
      return new DenseWeight(tensor);
    }
    QuantizedWeight weight = quantized(stored, scheme.get(), rows, columns);
    tally.addQuantized(stored.name(), weight);
    return weight;
  }

  /** A matrix that was stored in codes. */
  LinearWeight stored(String name, QuantizedWeight weight) {
    QuantizedWeight resident = backend.resident(weight);
    if (!backend.device().isHost()) {
      bridge.loaded(weight.byteSize());
    }
    tally.addQuantized(name, resident);
    return resident;
  }

  private QuantizedWeight quantized(
      StoredTensor stored, QuantScheme scheme, int rows, int columns) {
    scheme.requireFits(stored.name(), columns);
    int readings = scheme.keepsOutliers() ? 2 : 1;
    long rowBytes = stored.byteSize() / rows;
    try {
      return backend.quantize(
          bridge.hostTensor(stored, rows, columns),
          scheme,
          (first, count) -> {
            if (stored.data().isMapped()) {
              stored.data().asSlice(first * rowBytes, count * rowBytes).unload();
            }
            bridge.loaded(count * rowBytes / readings);
          });
    } catch (UnquantizableWeightException e) {
      throw new MalformedCheckpointException(
          stored.file(),
          stored.name(),
          stored.fileOffset(),
          "weights that " + scheme + " can hold",
          e.getMessage(),
          e);
    }
  }

  /** Where codes lie that are read in place. */
  HostStorage storage(StoredTensor stored) {
    return new HostStorage(
        backend.device().isHost() ? backend.device() : Device.CPU, stored.data());
  }
}
