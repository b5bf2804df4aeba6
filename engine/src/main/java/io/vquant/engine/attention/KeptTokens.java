package io.vquant.engine.attention;

import io.vquant.kernels.attention.LineCriterion;
import io.vquant.kernels.attention.LineRanking;
import io.vquant.kernels.attention.ObservationScores;
import io.vquant.model.AttentionInputs;
import java.util.Arrays;

/**
 * Which tokens of a prompt one KV head keeps in full precision: sinks, lines and window.
 *
 * @param squaredWeights mean a^2 of each token over the last queries and the group's heads
 * @param weights mean a over the same
 * @param lines sinks and lines, in rising order
 * @param window tokens at the end that are kept
 * @param coveredShare the part of the candidates' a^2 that the lines hold
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record KeptTokens(
    double[] squaredWeights, double[] weights, int[] lines, int window, double coveredShare) {

  /** Why a token is kept, or that it is not. */
  public enum Kind {
    SINK,
    LINE,
    WINDOW,
    QUANTIZED
  }

  /** Chooses the tokens of each KV head of a layer. */
  public static KeptTokens[] of(AttentionInputs layer, LineChoice choice, int window) {
    double[][] squared = scores(LineCriterion.SQUARED_WEIGHT, layer);
    double[][] weights = scores(LineCriterion.WEIGHT, layer);
    KeptTokens[] heads = new KeptTokens[squared.length];
    for (int head = 0; head < heads.length; head++) {
      int[] lines = choice.lines(squared[head], window);
      double share = LineRanking.of(squared[head], window).share(lines.length);
      heads[head] = new KeptTokens(squared[head], weights[head], lines, window, share);
    }
    return heads;
  }

  private static double[][] scores(LineCriterion criterion, AttentionInputs layer) {
    return ObservationScores.of(criterion, layer.spec(), layer.queries(), layer.keys());
  }

  /** What becomes of a token. */
  public Kind kind(int position) {
    boolean line = Arrays.binarySearch(lines, position) >= 0;
    if (line && position < LineRanking.SINKS) {
      return Kind.SINK;
    }
    if (position >= squaredWeights.length - window) {
      return Kind.WINDOW;
    }
    return line ? Kind.LINE : Kind.QUANTIZED;
  }
}
