package io.vquant.engine.cli;

import io.vquant.eval.Divergence;
import io.vquant.eval.Perplexity;
import java.util.Optional;

/**
 * What {@code perplexity} found.
 *
 * @param comparison with the base, if there was one
 * @param scoredBytes of the text behind the scored tokens; 0 if they have none of their own
 * @param plannedWindows windows that were to be scored; more than there are if a signal came
 * @param kvCacheByteSize bytes of the KV cache with a whole window in it
 */
record PerplexityResult(
    Perplexity perplexity,
    Optional<Comparison> comparison,
    long scoredBytes,
    int plannedWindows,
    long kvCacheByteSize,
    long elapsedNanos) {

  /** The base's perplexity, and how far the predictions differ. */
  record Comparison(Perplexity base, Divergence divergence) {}

  /** Whether it was interrupted. */
  boolean partial() {
    return perplexity.windows().size() < plannedWindows;
  }
}
