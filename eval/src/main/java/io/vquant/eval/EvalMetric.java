package io.vquant.eval;

import io.vquant.eval.EvalTask.Score;
import java.util.List;
import java.util.OptionalDouble;

/**
 * One measure of a task.
 *
 * @param name such as {@code acc}
 * @param filter how the answer was found in what the model wrote; {@code none} if there was no need
 * @param higherIsBetter the direction of its arrow
 * @param aggregation how the scores of documents become one value
 */
public record EvalMetric(
    String name, String filter, boolean higherIsBetter, Aggregation aggregation) {

  /** The filter of metrics that need none. */
  public static final String NO_FILTER = "none";

  /** Functions of the weighted mean m of the scores. */
  public enum Aggregation {
    /** m itself. */
    MEAN,
    /** exp(-m), of log-likelihoods in nats. */
    PERPLEXITY,
    /** -m / ln 2. */
    BITS
  }

  /** A metric without a filter. */
  public static EvalMetric of(String name, boolean higherIsBetter, Aggregation aggregation) {
    return new EvalMetric(name, NO_FILTER, higherIsBetter, aggregation);
  }

  /** The value over some documents, at least one, with weights above 0 in all. */
  public double value(List<Score> scores) {
    double mean = mean(scores);
    return switch (aggregation) {
      case MEAN -> mean;
      case PERPLEXITY -> Math.exp(-mean);
      case BITS -> -mean / Math.log(2);
    };
  }

  /**
   * Standard error of {@link #value}, documents taken as independent: of a ratio of sums by
   * linearization (Cochran 1977, section 6.3), which for equal weights is the sample standard
   * deviation over the root of n; of functions of it by the delta method.
   *
   * @return empty for a single document
   */
  public OptionalDouble standardError(List<Score> scores) {
    int count = scores.size();
    if (count < 2) {
      return OptionalDouble.empty();
    }
    double mean = mean(scores);
    double squares = 0;
    double weights = 0;
    for (Score score : scores) {
      double residual = score.value() - mean * score.weight();
      squares += residual * residual;
      weights += score.weight();
    }
    double ofMean = Math.sqrt(squares / (count - 1) / count) * count / weights;
    return OptionalDouble.of(
        switch (aggregation) {
          case MEAN -> ofMean;
          case PERPLEXITY -> ofMean * Math.exp(-mean);
          case BITS -> ofMean / Math.log(2);
        });
  }

  private static double mean(List<Score> scores) {
    double sum = 0;
    double weights = 0;
    for (Score score : scores) {
      sum += score.value();
      weights += score.weight();
    }
    if (weights <= 0) {
      throw new IllegalArgumentException(
          scores.size() + " scores of weight " + weights + ": expected a weight above 0");
    }
    return sum / weights;
  }
}
