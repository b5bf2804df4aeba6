package io.vquant.eval;

import java.util.Optional;

/**
 * One KV cache policy beside a base, on the same tokens.
 *
 * @param kv the policy, with bits and bytes of a cache that holds a whole window
 * @param perplexity with this policy
 * @param relativePerplexity that over the base's
 * @param divergence from the base; none for the base itself
 * @param tokensPerSecond tokens through the layers, the output layer not counted
 * @param partial whether the run was interrupted: windows are missing
 */
public record SweepRow(
    BenchRow.Kv kv,
    Perplexity perplexity,
    double relativePerplexity,
    Optional<Divergence> divergence,
    double tokensPerSecond,
    boolean partial) {}
