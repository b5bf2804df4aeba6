package io.vquant.engine;

/**
 * Where the time of one generation went.
 *
 * @param cachedTokens prompt tokens that were in the KV cache already and were not computed again
 * @param prefillTokens prompt tokens computed
 * @param prefillNanos from the call to the logits of the last prompt token
 * @param decodeTokens forward passes of one token each: the tokens produced, less the first one
 *     (whose logits come from prefill)
 * @param decodeNanos from the end of prefill to the end of the generation
 * @param firstTokenNanos from the call to the first token, 0 when there is none
 */
public record GenerationStats(
    int cachedTokens,
    int prefillTokens,
    long prefillNanos,
    int decodeTokens,
    long decodeNanos,
    long firstTokenNanos) {

  /** Tokens a second in prefill; 0 when nothing was computed. */
  public double prefillTokensPerSecond() {
    return rate(prefillTokens, prefillNanos);
  }

  /** Tokens a second in decode; 0 when nothing was decoded. */
  public double decodeTokensPerSecond() {
    return rate(decodeTokens, decodeNanos);
  }

  private static double rate(int tokens, long nanos) {
    return tokens == 0 || nanos <= 0 ? 0 : tokens * 1e9 / nanos;
  }
}
