package io.vquant.eval;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/**
 * Rows of measurements as text, in the formats of llama-bench. Numbers are written with a point
 * whatever the locale.
 *
 * @param rows in the order they were measured
 */
public record BenchTable(List<BenchRow> rows) {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final List<String> COLUMNS =
      List.of("model", "device", "threads", "kv", "test", "t/s", "FMA GFLOP/s", "read GB/s");

  public BenchTable {
    rows = List.copyOf(rows);
  }

  /** The table, ending with a line break. */
  public String format(BenchFormat format) {
    return switch (format) {
      case MD -> markdown();
      case CSV -> csv();
      case JSON -> JSON.writerWithDefaultPrettyPrinter().writeValueAsString(objects()) + "\n";
      case JSONL ->
          objects().stream()
              .map(row -> JSON.writeValueAsString(row) + "\n")
              .collect(Collectors.joining());
    };
  }

  private List<Map<String, Object>> objects() {
    return rows.stream().map(BenchTable::object).toList();
  }

  private static Map<String, Object> object(BenchRow row) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("model", row.model());
    object.put("device", row.device());
    object.put("threads", row.threads());
    object.put("kv", row.kv());
    object.put("test", row.test());
    object.put("depth", row.depth());
    object.put("tokens_per_s", row.tokensPerSecond());
    object.put("stddev", row.stddev());
    object.put("repeats", row.repeats());
    Map<String, Object> probe = new LinkedHashMap<>();
    probe.put("fma_gflops", row.probe().fmaGflops());
    probe.put("read_gb_per_s", row.probe().readGigabytesPerSecond());
    probe.put("scaling", row.probe().scaling());
    object.put("probe", probe);
    object.put("peak_rss_bytes", row.peakRssBytes());
    return object;
  }

  /** The columns of the JSON objects, the probe's in its place. */
  private String csv() {
    StringBuilder text =
        new StringBuilder(
            "model,device,threads,kv,test,depth,tokens_per_s,stddev,repeats,"
                + "fma_gflops,read_gb_per_s,scaling,peak_rss_bytes\n");
    for (BenchRow row : rows) {
      List<String> cells = new ArrayList<>();
      for (Object value : object(row).values()) {
        if (value instanceof Map<?, ?> nested) {
          nested.values().forEach(part -> cells.add(quoted(part.toString())));
        } else {
          cells.add(quoted(value.toString()));
        }
      }
      text.append(String.join(",", cells)).append('\n');
    }
    return text.toString();
  }

  private static String quoted(String cell) {
    boolean plain = cell.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
    return plain ? cell : '"' + cell.replace("\"", "\"\"") + '"';
  }

  private String markdown() {
    List<List<String>> lines = new ArrayList<>();
    lines.add(COLUMNS);
    rows.forEach(row -> lines.add(markdownCells(row)));
    int[] widths = new int[COLUMNS.size()];
    for (List<String> line : lines) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], line.get(i).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (int number = 0; number < lines.size(); number++) {
      for (int i = 0; i < widths.length; i++) {
        String cell = lines.get(number).get(i);
        String padding = " ".repeat(widths[i] - cell.length());
        text.append("| ").append(isNumeric(i) ? padding + cell : cell + padding).append(' ');
      }
      text.append("|\n");
      if (number == 0) {
        text.append(rule(widths));
      }
    }
    return text.toString();
  }

  private static List<String> markdownCells(BenchRow row) {
    String test = row.depth() == 0 ? row.test() : row.test() + " @ d" + row.depth();
    return List.of(
        row.model().replace("|", "\\|"),
        row.device(),
        Integer.toString(row.threads()),
        row.kv(),
        test,
        String.format(Locale.ROOT, "%.2f ± %.2f", row.tokensPerSecond(), row.stddev()),
        String.format(Locale.ROOT, "%.0f", row.probe().fmaGflops()),
        String.format(Locale.ROOT, "%.1f", row.probe().readGigabytesPerSecond()));
  }

  private static String rule(int[] widths) {
    List<String> cells = new ArrayList<>(Collections.nCopies(widths.length, ""));
    for (int i = 0; i < widths.length; i++) {
      cells.set(i, "-".repeat(widths[i] + 1) + (isNumeric(i) ? ":" : "-"));
    }
    return "|" + String.join("|", cells) + "|\n";
  }

  private static boolean isNumeric(int column) {
    return column == 2 || column > 4;
  }
}
