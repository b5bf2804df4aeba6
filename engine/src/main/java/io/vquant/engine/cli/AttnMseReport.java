package io.vquant.engine.cli;

import io.vquant.engine.attention.ErrorRatio;
import io.vquant.engine.attention.ErrorTable;
import io.vquant.engine.attention.ErrorTables;
import io.vquant.engine.attention.PrefillErrors;
import io.vquant.engine.attention.PrefillVariant;
import io.vquant.kernels.quant.SymmetricInt;
import java.util.ArrayList;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code attn-mse} prints: tables in Markdown, or JSON.
 *
 * @param text the file's name
 * @param perLayer whether a table of layers is wanted
 */
record AttnMseReport(
    String model,
    String text,
    int tokens,
    List<ErrorTable> tables,
    boolean perLayer,
    PrefillErrors errors) {

  private static final List<SymmetricInt> FORMATS = List.of(SymmetricInt.INT4, SymmetricInt.INT8);

  /** The text, ending with a line break. */
  String asText() {
    try (Formatter out = new Formatter(Locale.ROOT)) {
      out.format("%s, %d tokens of %s, %s%n", model, tokens, text, layerNames());
      out.format("MSE(all low bit) / MSE(variant): over the sums; median head; worst head%n");
      for (ErrorTable table : tables) {
        add(out, table);
      }
      if (perLayer) {
        addLayers(out);
      }
      return out.toString();
    }
  }

  private String layerNames() {
    int count = errors.layers().size();
    return count + (count == 1 ? " layer: " : " layers: ") + errors.layers();
  }

  private void add(Formatter out, ErrorTable table) {
    out.format("%n%s: %s%n%n| %s |", table.name(), table.title(), table.rowTitle());
    table.columns().forEach(column -> out.format(" %s |", column));
    out.format("%n|---|%s%n", "---|".repeat(table.columns().size()));
    for (ErrorTable.Row row : table.rows()) {
      out.format("| %s |", row.label());
      row.variants().forEach(variant -> out.format(" %s |", cell(table, variant)));
      out.format("%n");
    }
  }

  private String cell(ErrorTable table, PrefillVariant variant) {
    String ratio = ratio(errors.ratio(variant));
    return switch (table.name()) {
      case "softmax", "scales" ->
          ratio + String.format(Locale.ROOT, " (MSE %.2e)", errors.meanSquaredError(variant));
      case "adaptive" ->
          ratio + String.format(Locale.ROOT, " (%.0f lines)", errors.meanLines(variant));
      default -> ratio;
    };
  }

  private static String ratio(ErrorRatio ratio) {
    return shortNumber(ratio.ofSums())
        + "; "
        + shortNumber(ratio.median())
        + "; "
        + shortNumber(ratio.worst());
  }

  private static String shortNumber(double value) {
    return String.format(Locale.ROOT, value < 9.95 ? "%.1f" : "%.0f", value);
  }

  private void addLayers(Formatter out) {
    out.format("%nlayers: 1 %% lines, window 128%n%n| layer |");
    FORMATS.forEach(
        format -> out.format(" %s all low bit, MSE | %s VQuant, MSE | ratio |", format, format));
    out.format("%n|---|%s%n", "---|".repeat(3 * FORMATS.size()));
    for (int i = 0; i < errors.layers().size(); i++) {
      out.format("| %d |", errors.layers().get(i));
      for (SymmetricInt format : FORMATS) {
        PrefillVariant variant = ErrorTables.vquant(format);
        out.format(
            " %.2e | %.2e | %s |",
            errors.meanSquaredError(variant.allLowBit(), i),
            errors.meanSquaredError(variant, i),
            ratio(errors.ratio(variant, i)));
      }
      out.format("%n");
    }
  }

  /** The JSON object. */
  JsonText asJson() {
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    for (ErrorTable table : tables) {
      for (ErrorTable.Row row : table.rows()) {
        for (int i = 0; i < row.variants().size(); i++) {
          rows.add(json(table, row.label(), table.columns().get(i), row.variants().get(i)));
        }
      }
    }
    JsonText object =
        new JsonText()
            .put("model", model)
            .put("text", text)
            .put("tokens", tokens)
            .put("layers", errors.layers())
            .put("ratios", rows);
    return perLayer ? object.put("by_layer", layersAsJson()) : object;
  }

  private Map<String, @Nullable Object> json(
      ErrorTable table, String row, String column, PrefillVariant variant) {
    ErrorRatio ratio = errors.ratio(variant);
    return new JsonText()
        .put("table", table.name())
        .put("title", table.title())
        .put("row", row)
        .put("column", column)
        .put("ratio", ratio.ofSums())
        .put("median", ratio.median())
        .put("worst", ratio.worst())
        .put("mse", errors.meanSquaredError(variant))
        .put("all_low_bit_mse", errors.meanSquaredError(variant.allLowBit()))
        .put("mean_lines", errors.meanLines(variant))
        .fields();
  }

  private List<Map<String, @Nullable Object>> layersAsJson() {
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    for (int i = 0; i < errors.layers().size(); i++) {
      for (SymmetricInt format : FORMATS) {
        PrefillVariant variant = ErrorTables.vquant(format);
        ErrorRatio ratio = errors.ratio(variant, i);
        rows.add(
            new JsonText()
                .put("layer", errors.layers().get(i))
                .put("query_key", format.name())
                .put("ratio", ratio.ofSums())
                .put("median", ratio.median())
                .put("worst", ratio.worst())
                .put("mse", errors.meanSquaredError(variant, i))
                .put("all_low_bit_mse", errors.meanSquaredError(variant.allLowBit(), i))
                .fields());
      }
    }
    return rows;
  }
}
