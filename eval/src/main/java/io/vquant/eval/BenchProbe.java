package io.vquant.eval;

/**
 * What the machine gave just before a row was measured: the roof to read the row against.
 *
 * @param fmaGflops fused multiply-adds in registers, 2 operations each, all threads
 * @param readGigabytesPerSecond reading memory, all threads
 * @param scaling FMA rate of all threads over that of one
 */
public record BenchProbe(double fmaGflops, double readGigabytesPerSecond, double scaling) {}
