package io.vquant.eval;

import java.util.List;
import java.util.Map;

/** Questions to a model, and how its answers are judged. Asked one document at a time. */
public interface EvalTask {

  /** The name as a user writes it. */
  String name();

  /** Rises when results can no longer be compared with older ones. */
  int version();

  /** Examples with their answers that stand before each question. */
  int fewShot();

  /** Documents in the data. */
  int size();

  /** What is measured, in the order of {@link Sample#scores}. */
  List<EvalMetric> metrics();

  /** Everything else that the result depends on, by the names of lm-evaluation-harness. */
  Map<String, Object> settings();

  /**
   * Asks about one document.
   *
   * @param index from 0 to {@link #size()} - 1
   */
  Sample ask(LanguageModel model, int index);

  /**
   * One document's outcome.
   *
   * @param scores one a metric
   * @param log what was asked, answered and expected, for people who want to look
   */
  record Sample(List<Score> scores, Map<String, Object> log) {
    public Sample {
      scores = List.copyOf(scores);
    }
  }

  /**
   * A value and how much it weighs.
   *
   * @param weight 1 but for measures per word or byte
   */
  record Score(double value, double weight) {

    /** A score that weighs as much as any other. */
    public static Score of(double value) {
      return new Score(value, 1);
    }

    /** 1 or 0. */
    public static Score of(boolean correct) {
      return of(correct ? 1 : 0);
    }
  }
}
