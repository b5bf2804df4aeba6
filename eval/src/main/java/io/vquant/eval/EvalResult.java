package io.vquant.eval;

import io.vquant.eval.EvalTask.Sample;
import io.vquant.eval.EvalTask.Score;
import io.vquant.model.ForwardCancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a task gave.
 *
 * @param task with its settings
 * @param samples of the first documents, at least one
 * @param planned documents that were to be asked; more than there are if the run was interrupted
 */
public record EvalResult(EvalTask task, List<Sample> samples, int planned) {

  public EvalResult {
    samples = List.copyOf(samples);
    if (samples.isEmpty()) {
      throw new IllegalArgumentException(
          task.profile().name() + ": 0 documents, expected 1 or more");
    }
  }

  /** Watches a task, and may end it. */
  public interface Watcher {
    /**
     * Told before each document.
     *
     * @return false ends the task: the documents before this one are kept
     */
    boolean goesOn(int done, int planned);
  }

  /**
   * Asks about the first documents of a task.
   *
   * @param limit most documents
   * @return empty if the run ended before the first document was done
   */
  public static Optional<EvalResult> run(
      EvalTask task, LanguageModel model, int limit, Watcher watcher) {
    int planned = Math.min(limit, task.size());
    List<Sample> samples = new ArrayList<>();
    while (samples.size() < planned && watcher.goesOn(samples.size(), planned)) {
      Sample sample;
      try {
        sample = task.ask(model, samples.size());
      } catch (ForwardCancelledException e) {
        break; // the model was told to stop in the middle of a document
      }
      samples.add(sample);
    }
    return samples.isEmpty()
        ? Optional.empty()
        : Optional.of(new EvalResult(task, samples, planned));
  }

  /** What the task is. */
  public TaskProfile profile() {
    return task.profile();
  }

  /** Whether it was interrupted. */
  public boolean partial() {
    return samples.size() < planned;
  }

  /** The value of one of the task's metrics. */
  public double value(EvalMetric metric) {
    return metric.value(scores(metric));
  }

  /** Its standard error; empty for a single document. */
  public OptionalDouble standardError(EvalMetric metric) {
    return metric.standardError(scores(metric));
  }

  private List<Score> scores(EvalMetric metric) {
    int index = task.profile().metrics().indexOf(metric);
    return samples.stream().map(sample -> sample.scores().get(index)).toList();
  }
}
