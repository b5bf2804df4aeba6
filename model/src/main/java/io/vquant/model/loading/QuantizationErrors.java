package io.vquant.model.loading;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ModelConfig;
import io.vquant.weights.Checkpoint;
import io.vquant.weights.ElementType;
import io.vquant.weights.StoredTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What schemes lose on the matrices of a model folder: the sum of squared errors over the sum of
 * squared weights, matrix by matrix.
 */
public final class QuantizationErrors {
  private QuantizationErrors() {}

  /**
   * One matrix under several policies.
   *
   * @param name full
   * @param squares sum of its squared weights
   * @param errors one a policy; empty where it stays as it is
   */
  public record MatrixErrors(
      String name, int rows, int columns, double squares, List<Optional<SchemeError>> errors) {

    public MatrixErrors {
      errors = List.copyOf(errors);
    }
  }

  /**
   * What a scheme loses and takes.
   *
   * @param squaredError sum over the matrix
   * @param byteSize everything counted
   * @param outliers weights kept exact
   */
  public record SchemeError(double squaredError, long byteSize, long outliers) {}

  /**
   * Quantizes every matrix by every policy; keeps none.
   *
   * @param backends opens one, which is closed, and its memory freed, after each matrix
   * @param consumer told of each matrix
   * @throws io.vquant.kernels.quant.UnfitSchemeException if a scheme does not fit a matrix
   */
  public static void measure(
      Path modelDir,
      Supplier<KernelBackend> backends,
      List<WeightPolicy> policies,
      LoadListener listener,
      Consumer<MatrixErrors> consumer) {
    ModelConfig config = ModelLoader.readConfig(modelDir);
    try (Checkpoint checkpoint = Checkpoint.open(modelDir)) {
      LeftoverTensors.requireLayerCount(config, checkpoint.weights());
      long done = 0;
      for (StoredTensor stored : checkpoint.weights().tensors()) {
        if (stored.shape().size() == 2 && isPlain(stored)) {
          consumer.accept(measure(stored, backends, policies));
        }
        done += stored.byteSize();
        listener.progress(done, checkpoint.weights().byteSize());
      }
    }
  }

  private static boolean isPlain(StoredTensor stored) {
    return stored.type() == ElementType.BF16
        || stored.type() == ElementType.F16
        || stored.type() == ElementType.F32;
  }

  private static MatrixErrors measure(
      StoredTensor stored, Supplier<KernelBackend> backends, List<WeightPolicy> policies) {
    int rows = Math.toIntExact(stored.shape().get(0));
    int columns = Math.toIntExact(stored.shape().get(1));
    HostStorage storage = new HostStorage(Device.CPU, stored.data());
    DType dtype = DType.valueOf(stored.type().code());
    Tensor matrix = new Tensor(storage, dtype, Layout.dense(rows, columns));
    List<Optional<SchemeError>> errors = new ArrayList<>();
    for (WeightPolicy policy : policies) {
      errors.add(
          policy
              .schemeOf(stored.name())
              .map(scheme -> {
                scheme.requireFits(stored.name(), columns);
                try (KernelBackend backend = backends.get()) {
                  QuantizedWeight weight = backend.quantize(matrix, scheme, (first, count) -> {});
                  return new SchemeError(
                      squaredError(stored, weight), weight.byteSize(), weight.outliers().count());
                }
              }));
    }
    return new MatrixErrors(stored.name(), rows, columns, squares(stored), errors);
  }

  private static double squares(StoredTensor stored) {
    double sum = 0;
    for (long i = 0; i < stored.elementCount(); i++) {
      double value = stored.floatAt(i);
      sum += value * value;
    }
    return sum;
  }

  private static double squaredError(StoredTensor stored, QuantizedWeight weight) {
    float[] row = new float[weight.columns()];
    double sum = 0;
    for (int r = 0; r < weight.rows(); r++) {
      weight.dequantizeRow(row, 0, r);
      for (int c = 0; c < row.length; c++) {
        double error = stored.floatAt((long) r * row.length + c) - (double) row[c];
        sum += error * error;
      }
    }
    return sum;
  }
}
