package io.vquant.engine.attention;

import java.util.Arrays;

/**
 * What a variant gave in one layer.
 *
 * @param meanSquares mean squared error of each query head's output
 * @param meanLines lines of a KV head, on the average
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record HeadErrors(double[] meanSquares, double meanLines) {

  static HeadErrors of(double[] meanSquares, int[][] lines) {
    return new HeadErrors(
        meanSquares, Arrays.stream(lines).mapToInt(head -> head.length).average().orElse(0));
  }
}
