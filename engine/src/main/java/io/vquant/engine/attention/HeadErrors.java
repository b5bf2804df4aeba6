package io.vquant.engine.attention;

/**
 * What a variant gave in one layer.
 *
 * @param meanSquares mean squared error of each query head's output
 * @param meanLines lines of a KV head, on the average
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record HeadErrors(double[] meanSquares, double meanLines) {}
