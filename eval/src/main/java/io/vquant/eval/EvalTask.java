package io.vquant.eval;

import java.util.List;
import java.util.Map;

/** Questions to a model, and how its answers are judged. Asked one document at a time. */
public interface EvalTask {

  /** What it is and how it judges. */
  TaskProfile profile();

  /** Documents in the data. */
  int size();

  /**
   * Asks about one document.
   *
   * @param index from 0 to {@link #size()} - 1
   */
  Sample ask(LanguageModel model, int index);

  /**
   * One document's outcome.
   *
   * @param scores one a metric of the profile
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
