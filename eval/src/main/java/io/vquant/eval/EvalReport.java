package io.vquant.eval;

import io.vquant.eval.ReportTable.Column;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Results of tasks in the forms of lm-evaluation-harness: its results file and its table. */
public record EvalReport(List<EvalResult> results) {

  public EvalReport {
    results = List.copyOf(results);
  }

  /** A line of the table. */
  private record Line(EvalResult result, EvalMetric metric, boolean first) {}

  /** The table, in Markdown, ending with a line break. */
  public String table() {
    List<Line> lines = new ArrayList<>();
    for (EvalResult result : results) {
      List<EvalMetric> metrics = result.profile().metrics();
      metrics.forEach(
          metric -> lines.add(new Line(result, metric, metric.equals(metrics.getFirst()))));
    }
    ReportTable<Line> table =
        new ReportTable<>(
            List.of(),
            List.of(
                Column.text("Tasks", ofTask(TaskProfile::name)),
                Column.number("Version", ofTask(task -> Integer.toString(task.version()))),
                Column.text("Filter", line -> line.metric.filter()),
                Column.number("n-shot", line -> Integer.toString(line.result.profile().fewShot())),
                Column.text("Metric", line -> line.metric.name()),
                Column.text("", line -> line.metric.higherIsBetter() ? "↑" : "↓"),
                Column.number("Value", line -> decimal(line.result.value(line.metric))),
                Column.text("", line -> "±"),
                Column.number("Stderr", EvalReport::standardError)));
    return table.format(lines, ReportFormat.MD);
  }

  /** A task's name and version stand on its first line only. */
  private static Function<Line, String> ofTask(Function<TaskProfile, String> cell) {
    return line -> line.first ? cell.apply(line.result.profile()) : "";
  }

  private static String standardError(Line line) {
    var error = line.result.standardError(line.metric);
    return error.isPresent() ? decimal(error.getAsDouble()) : "N/A";
  }

  private static String decimal(double value) {
    return String.format(Locale.ROOT, "%.4f", value);
  }

  /**
   * The object of the results file.
   *
   * @param config of the run: model, device, limit and so on
   */
  public Map<String, Object> json(Map<String, @Nullable Object> config) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("results", byTask(EvalReport::values));
    object.put("group_subtasks", byTask(result -> List.of()));
    object.put("configs", byTask(EvalReport::settings));
    object.put("versions", byTask(result -> result.profile().version()));
    object.put("n-shot", byTask(result -> result.profile().fewShot()));
    object.put("higher_is_better", byTask(EvalReport::directions));
    object.put("n-samples", byTask(EvalReport::counts));
    object.put("config", config);
    object.put("partial", results.stream().anyMatch(EvalResult::partial));
    return object;
  }

  private Map<String, Object> byTask(Function<EvalResult, Object> value) {
    Map<String, Object> object = new LinkedHashMap<>();
    results.forEach(result -> object.put(result.profile().name(), value.apply(result)));
    return object;
  }

  /** {@code "acc,none": 0.5, "acc_stderr,none": 0.1}; an error that is not known is "N/A". */
  private static Map<String, Object> values(EvalResult result) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("alias", result.profile().name());
    for (EvalMetric metric : result.profile().metrics()) {
      var error = result.standardError(metric);
      values.put(metric.name() + "," + metric.filter(), result.value(metric));
      values.put(
          metric.name() + "_stderr," + metric.filter(),
          error.isPresent() ? (Object) error.getAsDouble() : "N/A");
    }
    return values;
  }

  private static Map<String, Object> settings(EvalResult result) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("task", result.profile().name());
    settings.put("num_fewshot", result.profile().fewShot());
    settings.putAll(result.profile().settings());
    return settings;
  }

  private static Map<String, Boolean> directions(EvalResult result) {
    Map<String, Boolean> directions = new LinkedHashMap<>();
    result
        .profile()
        .metrics()
        .forEach(metric -> directions.put(metric.name(), metric.higherIsBetter()));
    return directions;
  }

  private static Map<String, Integer> counts(EvalResult result) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    counts.put("original", result.task().size());
    counts.put("effective", result.samples().size());
    return counts;
  }
}
