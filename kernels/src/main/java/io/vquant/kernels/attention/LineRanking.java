package io.vquant.kernels.attention;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The order in which the keys of one KV head become vertical lines: sinks first, then by falling
 * score, the earlier of equals first. Positions in the local window of the last row are no
 * candidates: they are exact anyway.
 */
public final class LineRanking {

  /** The first positions, which are always lines (attention sinks, Xiao et al. 2023). */
  public static final int SINKS = 4;

  private static final int STEP = 16;
  private static final int MOST = 512;

  private final int[] order;
  private final double[] covered;

  private LineRanking(int[] order, double[] covered) {
    this.order = order;
    this.covered = covered;
  }

  /**
   * Ranks the keys of one head.
   *
   * @param scores one a token
   * @param window tokens before the end that are no candidates
   */
  public static LineRanking of(double[] scores, int window) {
    int tokens = scores.length;
    int sinks = Math.min(SINKS, tokens);
    int end = Math.max(sinks, tokens - window);
    int[] order =
        IntStream.concat(
                IntStream.range(0, sinks),
                IntStream.range(sinks, end)
                    .boxed()
                    .sorted((a, b) -> compare(scores, a, b))
                    .mapToInt(Integer::intValue))
            .toArray();
    double[] covered = new double[order.length + 1];
    for (int i = 0; i < order.length; i++) {
      covered[i + 1] = covered[i] + scores[order[i]];
    }
    return new LineRanking(order, covered);
  }

  private static int compare(double[] scores, int a, int b) {
    int byScore = Double.compare(scores[b], scores[a]);
    return byScore != 0 ? byScore : Integer.compare(a, b);
  }

  /** Positions that may become lines. */
  public int size() {
    return order.length;
  }

  /** The best {@code count} positions, or all there are, in rising order. */
  public int[] first(int count) {
    int[] positions = Arrays.copyOf(order, Math.min(count, order.length));
    Arrays.sort(positions);
    return positions;
  }

  /**
   * The part, 0 to 1, of the scores of all candidates that the best {@code count} hold; 1 if all
   * scores are 0.
   */
  public double share(int count) {
    double all = covered[order.length];
    return all == 0 ? 1 : covered[Math.min(count, order.length)] / all;
  }

  /**
   * The adaptive number of lines: the smallest multiple of 16, at most 512, whose lines hold at
   * least {@code share} of the scores of all candidates. Heads with few dominant lines keep few.
   *
   * @param share above 0, at most 1
   */
  public int countCovering(double share) {
    if (!(share > 0 && share <= 1)) {
      throw new IllegalArgumentException("share " + share + ": expected above 0, at most 1");
    }
    int count = STEP;
    while (count < MOST && share(count) < share) {
      count += STEP;
    }
    return count;
  }
}
