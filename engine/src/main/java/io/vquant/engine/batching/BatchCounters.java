package io.vquant.engine.batching;

/**
 * What a scheduler does and has done, at one moment.
 *
 * @param waiting requests in the queue
 * @param running sequences that hold a slot
 * @param cacheByteSize bytes of KV pages in use, shared ones counted once
 * @param prefixPages pages of 64 tokens kept for other requests
 * @param prefixByteSize their bytes
 * @param requests accepted so far
 * @param ended of these, to the end of the answer
 * @param cancelled of these, by their client
 * @param failed of these
 * @param rejected refused, since the queue was full
 * @param preemptions times that a sequence gave its memory up, to be computed again later
 * @param promptTokens of prompts that were computed
 * @param cachedTokens of prompts that were taken from shared pages
 * @param producedTokens chosen
 * @param decodeSteps passes over one token of each running sequence
 * @param decodeRows rows of all those passes
 */
public record BatchCounters(
    int waiting,
    int running,
    long cacheByteSize,
    int prefixPages,
    long prefixByteSize,
    long requests,
    long ended,
    long cancelled,
    long failed,
    long rejected,
    long preemptions,
    long promptTokens,
    long cachedTokens,
    long producedTokens,
    long decodeSteps,
    long decodeRows) {}
