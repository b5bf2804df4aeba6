package io.vquant.eval.tasks;

import io.vquant.eval.EvalMetric;
import io.vquant.eval.EvalTask;
import io.vquant.eval.LanguageModel;
import io.vquant.eval.MalformedTaskDataException;
import io.vquant.eval.TaskData;
import io.vquant.eval.TaskProfile;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How well a model predicts the paragraphs of a text, each from its beginning: perplexity per word
 * and per byte, as task {@code wikitext} of lm-evaluation-harness gives them for its documents.
 */
public final class RollingText implements EvalTask {
  public static final String NAME = "rolling";
  private static final List<EvalMetric> METRICS =
      List.of(
          EvalMetric.of("word_perplexity", false, EvalMetric.Aggregation.PERPLEXITY),
          EvalMetric.of("byte_perplexity", false, EvalMetric.Aggregation.PERPLEXITY),
          EvalMetric.of("bits_per_byte", false, EvalMetric.Aggregation.BITS));

  private final List<String> paragraphs;

  private RollingText(List<String> paragraphs) {
    this.paragraphs = paragraphs;
  }

  /**
   * Takes each line that is not blank for a paragraph.
   *
   * @throws MalformedTaskDataException if there is none
   */
  public static RollingText read(TaskData data) {
    List<String> paragraphs =
        data.text().lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
    if (paragraphs.isEmpty()) {
      throw new MalformedTaskDataException(data.name() + ": empty, expected text");
    }
    return new RollingText(paragraphs);
  }

  @Override
  public TaskProfile profile() {
    return new TaskProfile(NAME, 1, 0, METRICS, settings());
  }

  @Override
  public int size() {
    return paragraphs.size();
  }

  private static Map<String, Object> settings() {
    return Map.of("output_type", "loglikelihood_rolling");
  }

  @Override
  public Sample ask(LanguageModel model, int index) {
    String paragraph = paragraphs.get(index);
    double logLikelihood = model.rollingLogLikelihood(List.of(paragraph)).getFirst();
    int words = paragraph.split("\\s+").length;
    int bytes = paragraph.getBytes(StandardCharsets.UTF_8).length;
    Map<String, Object> log = new LinkedHashMap<>();
    log.put("text", paragraph);
    log.put("log_likelihood", logLikelihood);
    Score perByte = new Score(logLikelihood, bytes);
    return new Sample(List.of(new Score(logLikelihood, words), perByte, perByte), log);
  }
}
