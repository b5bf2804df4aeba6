package io.vquant.engine.batching;

/**
 * How likely a token was among all, by the model's own distribution (before penalties, temperature
 * and the like).
 *
 * @param tokenId the token
 * @param logprob its natural log-probability
 * @param topIds the most likely tokens, most likely first, the first of equals by id
 * @param topLogprobs theirs
 */
@SuppressWarnings("ArrayRecordComponent") // made once, read by one consumer; not compared
public record TokenScore(int tokenId, float logprob, int[] topIds, float[] topLogprobs) {}
