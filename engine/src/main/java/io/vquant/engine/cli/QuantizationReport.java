package io.vquant.engine.cli;

import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.model.loading.QuantizationErrors.MatrixErrors;
import io.vquant.model.loading.QuantizationErrors.SchemeError;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What {@code quantize --report} prints: relative squared errors of every matrix, of all matrices
 * of a kind together, and of all.
 */
final class QuantizationReport {
  private final String modelName;
  private final List<WeightPolicy> policies;
  private final List<MatrixErrors> matrices = new ArrayList<>();

  QuantizationReport(String modelName, List<WeightPolicy> policies) {
    this.modelName = modelName;
    this.policies = policies;
  }

  void add(MatrixErrors matrix) {
    matrices.add(matrix);
  }

  /** Some matrices together. */
  private final class Sum {
    private double squares;
    private long elements;
    private final double[] squaredErrors = new double[policies.size()];
    private final long[] bytes = new long[policies.size()];
    private final long[] outliers = new long[policies.size()];

    void add(MatrixErrors matrix) {
      squares += matrix.squares();
      elements += (long) matrix.rows() * matrix.columns();
      for (int i = 0; i < squaredErrors.length; i++) {
        Optional<SchemeError> error = matrix.errors().get(i);
        if (error.isPresent()) {
          squaredErrors[i] += error.get().squaredError();
          bytes[i] += error.get().byteSize();
          outliers[i] += error.get().outliers();
        }
      }
    }

    double relativeError(int policy) {
      return squares == 0 ? 0 : squaredErrors[policy] / squares;
    }

    double bits(int policy) {
      return 8.0 * bytes[policy] / elements;
    }

    double outlierShare(int policy) {
      return (double) outliers[policy] / elements;
    }
  }

  /** {@code model.layers.3.mlp.up_proj.weight} is an {@code mlp.up_proj.weight}. */
  private static String kind(String name) {
    return name.replaceFirst("^model\\.layers\\.[0-9]+\\.", "").replaceFirst("^model\\.", "");
  }

  private Map<String, Sum> kinds() {
    Map<String, Sum> kinds = new TreeMap<>();
    for (MatrixErrors matrix : matrices) {
      kinds.computeIfAbsent(kind(matrix.name()), name -> new Sum()).add(matrix);
    }
    return kinds;
  }

  private Sum all() {
    Sum sum = new Sum();
    matrices.forEach(sum::add);
    return sum;
  }

  private Sum of(MatrixErrors matrix) {
    Sum sum = new Sum();
    sum.add(matrix);
    return sum;
  }

  /** A Markdown table a part. */
  String text() {
    StringBuilder text = new StringBuilder();
    text.append("Relative squared error of the weights of ").append(modelName).append("\n\n");
    header(text, "matrix");
    for (MatrixErrors matrix : matrices) {
      row(text, matrix.name(), of(matrix));
    }
    text.append('\n');
    header(text, "kind");
    kinds().forEach((kind, sum) -> row(text, kind, sum));
    Sum all = all();
    row(text, "all", all);
    text.append('\n');
    text.append("| weights | bits a weight | outliers | relative squared error |\n");
    text.append("|---|---:|---:|---:|\n");
    for (int i = 0; i < policies.size(); i++) {
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %.3f | %.3f %% | %.3e |\n",
              policies.get(i),
              all.bits(i),
              100 * all.outlierShare(i),
              all.relativeError(i)));
    }
    return text.toString();
  }

  private void header(StringBuilder text, String first) {
    text.append("| ").append(first).append(" |");
    policies.forEach(policy -> text.append(' ').append(policy).append(" |"));
    text.append("\n|---|").append("---:|".repeat(policies.size())).append('\n');
  }

  private void row(StringBuilder text, String name, Sum sum) {
    text.append("| ").append(name).append(" |");
    for (int i = 0; i < policies.size(); i++) {
      text.append(String.format(Locale.ROOT, " %.3e |", sum.relativeError(i)));
    }
    text.append('\n');
  }

  JsonText json() {
    List<Map<String, ?>> schemes = new ArrayList<>();
    Sum all = all();
    for (int i = 0; i < policies.size(); i++) {
      JsonText matrixErrors = new JsonText();
      for (MatrixErrors matrix : matrices) {
        matrixErrors.put(matrix.name(), of(matrix).relativeError(i));
      }
      schemes.add(
          new JsonText()
              .put("weights", policies.get(i).toString())
              .put("bits_per_weight", all.bits(i))
              .put("outlier_share", all.outlierShare(i))
              .put("relative_squared_error", all.relativeError(i))
              .put("matrices", matrixErrors)
              .fields());
    }
    return new JsonText().put("model", modelName).put("schemes", schemes);
  }
}
