package io.vquant.model.loading;

import io.vquant.kernels.quant.Outliers;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.UnpackedRange;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.ModelConfig;
import java.util.Arrays;
import java.util.Optional;

/** What weights will take, told from the config before any is read. */
public final class WeightPlan {
  /** Outliers are counted before they are known: one weight of a hundred. */
  private static final int OUTLIER_SHARE = 100;

  private WeightPlan() {}

  /**
   * Bytes of a model's weights under a policy; more than will be taken where outliers are kept.
   *
   * @param storedByteSize of the weight files
   * @throws io.vquant.kernels.quant.UnfitSchemeException if a scheme does not fit a matrix
   */
  public static long byteSize(ModelConfig config, long storedByteSize, WeightPolicy policy) {
    if (!policy.quantizes() || config.storedWeights().quantizes()) {
      return storedByteSize;
    }
    int hidden = config.hiddenSize();
    int queries = config.queryColumns();
    int keys = config.keyValueColumns();
    int inner = config.intermediateSize();
    // What is not a matrix of a known scheme takes as many bytes an element as it is stored in.
    double elementBytes = 2.0 * storedByteSize / RandomModel.byteSize(config);
    double layer =
        bytes(policy.body(), queries, hidden, elementBytes)
            + 2 * bytes(policy.body(), keys, hidden, elementBytes)
            + bytes(policy.body(), hidden, queries, elementBytes)
            + 2 * bytes(policy.body(), inner, hidden, elementBytes)
            + bytes(policy.body(), hidden, inner, elementBytes);
    int tables = config.tieWordEmbeddings() ? 1 : 2;
    double head = tables * bytes(policy.head(), config.vocabSize(), hidden, elementBytes);
    double norms = (2.0 * config.numHiddenLayers() + 1) * hidden * elementBytes;
    return (long) (config.numHiddenLayers() * layer + head + norms);
  }

  /**
   * Bytes that a device takes beside weights in codes, to unpack them for products of many rows;
   * host devices take none.
   *
   * @param policy what is quantized on load; what is stored in codes is found in the config
   */
  public static long scratchByteSize(ModelConfig config, WeightPolicy policy, Device device) {
    WeightPolicy stored = config.storedWeights();
    WeightPolicy codes = stored.quantizes() ? stored : policy;
    if (device.isHost()) {
      return 0;
    }
    int hidden = config.hiddenSize();
    int inner = config.intermediateSize();
    int queries = config.queryColumns();
    long largest = 0;
    if (codes.body().isPresent()) {
      largest =
          largest(
              UnpackedRange.byteSize(queries, hidden),
              UnpackedRange.byteSize(hidden, queries),
              UnpackedRange.byteSize(config.keyValueColumns(), hidden),
              UnpackedRange.byteSize(inner, hidden),
              UnpackedRange.byteSize(hidden, inner));
    }
    if (codes.head().isPresent()) {
      largest = Math.max(largest, UnpackedRange.byteSize(config.vocabSize(), hidden));
    }
    return UnpackedRange.BUFFERS * largest;
  }

  private static long largest(long... sizes) {
    return Arrays.stream(sizes).max().orElse(0);
  }

  private static double bytes(
      Optional<QuantScheme> scheme, int rows, int columns, double elementBytes) {
    if (scheme.isEmpty()) {
      return elementBytes * rows * columns;
    }
    PanelLayout layout = new PanelLayout(scheme.get(), rows, columns);
    double outliers =
        scheme.get().keepsOutliers()
            ? (double) rows * columns / OUTLIER_SHARE * Outliers.ENTRY_BYTES
            : 0;
    return layout.byteSize() + outliers;
  }
}
