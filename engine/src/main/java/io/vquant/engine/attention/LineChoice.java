package io.vquant.engine.attention;

import io.vquant.kernels.attention.LineCriterion;
import io.vquant.kernels.attention.LineRanking;
import io.vquant.kernels.kvcache.LineBudget;
import java.util.Locale;

/**
 * Which vertical lines a KV head gets.
 *
 * @param criterion by what keys are ranked
 * @param budget how many are taken, sinks among them
 * @param coverage in place of the budget, the share of the scores that the lines are to hold; 0 for
 *     the budget
 */
public record LineChoice(LineCriterion criterion, LineBudget budget, double coverage) {

  /** No lines at all. */
  public static final LineChoice NONE =
      new LineChoice(LineCriterion.SQUARED_WEIGHT, LineBudget.NONE, 0);

  /** The best {@code count} keys by squared weight. */
  public static LineChoice ofCount(int count) {
    return of(LineBudget.ofCount(count));
  }

  /** The best keys by squared weight. */
  public static LineChoice of(LineBudget budget) {
    return new LineChoice(LineCriterion.SQUARED_WEIGHT, budget, 0);
  }

  /** As many keys, in steps of 16, as hold {@code share} of the squared weights. */
  public static LineChoice covering(double share) {
    return new LineChoice(LineCriterion.SQUARED_WEIGHT, LineBudget.NONE, share);
  }

  /**
   * The lines of a head, in rising order.
   *
   * @param scores by this choice's criterion, one a token
   * @param window tokens at the end that are no candidates
   */
  public int[] lines(double[] scores, int window) {
    LineRanking ranking = LineRanking.of(scores, window);
    return ranking.first(coverage > 0 ? ranking.countCovering(coverage) : budget.at(scores.length));
  }

  @Override
  public String toString() {
    return coverage > 0
        ? String.format(Locale.ROOT, "%.0f %% of a^2", 100 * coverage)
        : budget.toString();
  }
}
