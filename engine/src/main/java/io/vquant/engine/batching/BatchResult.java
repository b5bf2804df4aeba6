package io.vquant.engine.batching;

import io.vquant.engine.FinishReason;

/**
 * What a request came to.
 *
 * @param text all of it, cut before a stop string
 * @param reason why it ended
 * @param promptTokens of the request
 * @param cachedTokens of these, taken from shared pages when the request ran first
 * @param producedTokens chosen tokens, an ending eos token included
 * @param seed that gives these tokens again
 * @param cacheByteSize bytes of its KV cache at the end
 * @param firstTokenNanos from the submission to the first token, 0 when there is none
 * @param decodeNanos from the first token to the end
 */
public record BatchResult(
    String text,
    FinishReason reason,
    int promptTokens,
    int cachedTokens,
    int producedTokens,
    long seed,
    long cacheByteSize,
    long firstTokenNanos,
    long decodeNanos) {}
