package io.vquant.engine.server;

import io.vquant.engine.batching.BatchResult;
import java.util.LinkedHashMap;
import java.util.Map;

/** How long an answer took, and what its cache holds: an addition to OpenAI's answers. */
final class Timings {
  private Timings() {}

  static Map<String, Object> of(BatchResult result) {
    Map<String, Object> timings = new LinkedHashMap<>();
    timings.put("first_token_ms", result.firstTokenNanos() / 1e6);
    timings.put("decode_ms", result.decodeNanos() / 1e6);
    boolean decoded = result.producedTokens() > 1 && result.decodeNanos() > 0;
    double rate = decoded ? (result.producedTokens() - 1) * 1e9 / result.decodeNanos() : 0;
    timings.put("decode_tokens_per_s", rate);
    timings.put("kv_bytes", result.cacheByteSize());
    timings.put("seed", result.seed());
    return timings;
  }
}
