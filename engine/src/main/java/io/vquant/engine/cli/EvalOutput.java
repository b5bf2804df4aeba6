package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.eval.EvalReport;
import io.vquant.eval.EvalResult;
import io.vquant.eval.EvalTask;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** What {@code eval} writes when it ends. */
record EvalOutput(
    EvalReport report,
    ModelOptions model,
    Engine engine,
    OptionalInt examples,
    int limit,
    long startNanos) {

  /** The results file, ending with a line break. */
  String json() {
    Map<String, Object> object = report.json(config());
    object.put("pretty_env_info", "vquant-engine " + Program.version());
    object.put(
        "total_evaluation_time_seconds",
        Quantities.decimal((System.nanoTime() - startNanos) / 1e9, 3));
    return JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(object) + "\n";
  }

  private Map<String, @Nullable Object> config() {
    Map<String, @Nullable Object> config = new LinkedHashMap<>();
    config.put("model", "vquant");
    config.put("model_args", setting());
    config.put("model_num_parameters", engine.parameterCount());
    config.put("model_dtype", engine.config().dtype().orElse(null));
    config.put("batch_size", 1);
    config.put("device", engine.device().toString());
    config.put("limit", limit == Integer.MAX_VALUE ? null : limit);
    config.put("num_fewshot", examples.isPresent() ? examples.getAsInt() : null);
    config.put("kv", model.kvPolicy());
    return config;
  }

  private String setting() {
    return "pretrained=" + model.modelName() + ",kv=" + model.kvPolicy();
  }

  /** The table with its setting, ending with a line break. */
  String text(boolean partial) {
    StringBuilder text = new StringBuilder();
    text.append("vquant (" + setting() + "), device ").append(engine.device());
    text.append(", limit: ").append(limit == Integer.MAX_VALUE ? "none" : limit);
    text.append(", batch_size: 1\n").append(report.table());
    if (partial) {
      List<String> counts =
          report.results().stream()
              .filter(EvalResult::partial)
              .map(result ->
                  result.profile().name()
                      + " "
                      + result.samples().size()
                      + " of "
                      + result.planned()
                      + " documents")
              .toList();
      text.append("\nPartial (interrupted): ").append(String.join(", ", counts)).append('\n');
    }
    return text.toString();
  }

  /** A JSON object a line for each document. */
  String samples() {
    StringBuilder lines = new StringBuilder();
    for (EvalResult result : report.results()) {
      for (int i = 0; i < result.samples().size(); i++) {
        lines.append(JsonMapper.shared().writeValueAsString(sample(result, i))).append('\n');
      }
    }
    return lines.toString();
  }

  private static Map<String, Object> sample(EvalResult result, int index) {
    EvalTask.Sample sample = result.samples().get(index);
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("task", result.profile().name());
    object.put("doc_id", index);
    object.putAll(sample.log());
    for (int i = 0; i < sample.scores().size(); i++) {
      var metric = result.profile().metrics().get(i);
      object.put(metric.name() + "," + metric.filter(), sample.scores().get(i).value());
    }
    return object;
  }
}
