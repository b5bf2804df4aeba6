package io.vquant.eval;

import java.util.List;
import java.util.Map;

/**
 * What a report says of a task.
 *
 * @param name as a user writes it
 * @param version rises when results can no longer be compared with older ones
 * @param fewShot examples with their answers that stand before each question
 * @param metrics what is measured, in the order of {@link EvalTask.Sample#scores}
 * @param settings everything else that the result depends on, by the names of lm-evaluation-harness
 */
public record TaskProfile(
    String name, int version, int fewShot, List<EvalMetric> metrics, Map<String, Object> settings) {
  public TaskProfile {
    metrics = List.copyOf(metrics);
  }
}
