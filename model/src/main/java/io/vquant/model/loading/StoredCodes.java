package io.vquant.model.loading;

import io.vquant.kernels.quant.Outliers;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.weights.ElementType;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import io.vquant.weights.WeightScope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * Matrices that lie in a checkpoint in codes, in place of a tensor {@code NAME}: {@code NAME.codes}
 * I8 {@code [panels, columns, 64]} with 8 bits, I32 {@code [panels, columns / 8, 64]} with 4,
 * {@code NAME.scales} and with 4 bits {@code NAME.zeros} F16 {@code [panels, columns / group, 64]},
 * and with outliers {@code NAME.outlier_starts} I32 {@code [panels + 1]}, {@code
 * NAME.outlier_places} I32 {@code [n]} and {@code NAME.outlier_differences} F32 {@code [n]}; see
 * {@link PanelLayout} and {@link Outliers}.
 */
final class StoredCodes {
  static final String CODES = ".codes";
  static final String SCALES = ".scales";
  static final String ZEROS = ".zeros";
  static final String OUTLIER_STARTS = ".outlier_starts";
  static final String OUTLIER_PLACES = ".outlier_places";
  static final String OUTLIER_DIFFERENCES = ".outlier_differences";

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final WeightPolicy policy;

  /**
   * Of a checkpoint.
   *
   * @param policy how its matrices are stored
   */
  StoredCodes(WeightPolicy policy) {
    this.policy = policy;
  }

  /** Whether a matrix is stored in codes. */
  boolean holds(WeightScope scope, String name) {
    return policy.schemeOf(scope.prefix() + name).isPresent();
  }

  /**
   * Reads a matrix: codes, scales and zeros in place.
   *
   * @throws MalformedCheckpointException if a part is absent or not what the scheme asks for
   */
  QuantizedWeight read(
      WeightScope scope, String name, int rows, int columns, WeightConversion conversion) {
    Optional<QuantScheme> scheme = policy.schemeOf(scope.prefix() + name);
    scheme.orElseThrow().requireFits(scope.prefix() + name, columns);
    PanelLayout layout = new PanelLayout(scheme.orElseThrow(), rows, columns);
    StoredTensor codes = part(scope, name + CODES, codesType(layout), codesShape(layout));
    StoredTensor scales = part(scope, name + SCALES, ElementType.F16, gridShape(layout));
    HostStorage zeros =
        layout.scheme().isAsymmetric()
            ? conversion.storage(part(scope, name + ZEROS, ElementType.F16, gridShape(layout)))
            : new HostStorage(conversion.storage(scales).device(), scales.data().asSlice(0, 0));
    try {
      return new QuantizedWeight(
          layout,
          conversion.storage(codes),
          conversion.storage(scales),
          zeros,
          layout.scheme().keepsOutliers()
              ? outliers(scope, name, layout)
              : Outliers.none(layout.panels()));
    } catch (IllegalArgumentException e) {
      throw new MalformedCheckpointException(
          codes.file(),
          scope.prefix() + name,
          codes.fileOffset(),
          "codes as " + layout.scheme() + " asks for",
          String.valueOf(e.getMessage()),
          e);
    }
  }

  /** Shape of the codes, or of their words. */
  static List<Long> codesShape(PanelLayout layout) {
    int columns = layout.scheme().isAsymmetric() ? layout.columns() / 8 : layout.columns();
    return List.of((long) layout.panels(), (long) columns, (long) PanelLayout.PANEL_ROWS);
  }

  /** Type of the codes. */
  static ElementType codesType(PanelLayout layout) {
    return layout.scheme().isAsymmetric() ? ElementType.I32 : ElementType.I8;
  }

  /** Shape of scales and of zeros. */
  static List<Long> gridShape(PanelLayout layout) {
    return List.of((long) layout.panels(), (long) layout.groups(), (long) PanelLayout.PANEL_ROWS);
  }

  private StoredTensor part(WeightScope scope, String name, ElementType type, List<Long> shape) {
    StoredTensor stored =
        CheckpointParameters.read(scope, name, shape, "config.json (" + policy + ")");
    if (stored.type() != type) {
      throw new MalformedCheckpointException(
          stored.file(), stored.name(), stored.fileOffset(), type.code(), stored.type().code());
    }
    return stored;
  }

  private Outliers outliers(WeightScope scope, String name, PanelLayout layout) {
    List<Long> startsShape = List.of(layout.panels() + 1L);
    StoredTensor starts = part(scope, name + OUTLIER_STARTS, ElementType.I32, startsShape);
    List<Long> shape = scope.get(name + OUTLIER_PLACES).shape();
    StoredTensor places = part(scope, name + OUTLIER_PLACES, ElementType.I32, shape);
    StoredTensor differences = part(scope, name + OUTLIER_DIFFERENCES, ElementType.F32, shape);
    MemorySegment values = differences.data();
    float[] floats = new float[Math.toIntExact(differences.elementCount())];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(FLOAT, (long) i * Float.BYTES);
    }
    return new Outliers(ints(starts), ints(places), floats);
  }

  private static int[] ints(StoredTensor stored) {
    int[] values = new int[Math.toIntExact(stored.elementCount())];
    for (int i = 0; i < values.length; i++) {
      values[i] = stored.data().get(INT, (long) i * Integer.BYTES);
    }
    return values;
  }
}
