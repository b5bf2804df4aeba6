package io.vquant.engine.server;

import io.vquant.engine.batching.BatchCounters;

/** A scheduler's counts in Prometheus' text format, version 0.0.4. */
final class MetricsText {
  private final StringBuilder text = new StringBuilder();

  private MetricsText() {}

  static String of(BatchCounters counts) {
    MetricsText metrics = new MetricsText();
    metrics.gauge("vquant_requests_running", "Sequences that hold a slot.", counts.running());
    metrics.gauge("vquant_requests_waiting", "Requests in the queue.", counts.waiting());
    metrics.gauge(
        "vquant_kv_cache_bytes", "KV pages in use, shared ones once.", counts.cacheByteSize());
    metrics.gauge(
        "vquant_prefix_pages", "Pages of 64 tokens kept for other requests.", counts.prefixPages());
    metrics.gauge("vquant_prefix_bytes", "Bytes of those pages.", counts.prefixByteSize());
    metrics.counter("vquant_requests_total", "Requests accepted.", counts.requests());
    metrics.counter("vquant_requests_ended_total", "Requests answered.", counts.ended());
    metrics.counter(
        "vquant_requests_cancelled_total", "Requests given up by clients.", counts.cancelled());
    metrics.counter("vquant_requests_failed_total", "Requests that failed.", counts.failed());
    metrics.counter(
        "vquant_requests_rejected_total", "Requests refused: queue full.", counts.rejected());
    metrics.counter(
        "vquant_preemptions_total", "Sequences put back to free memory.", counts.preemptions());
    metrics.counter("vquant_prompt_tokens_total", "Prompt tokens computed.", counts.promptTokens());
    metrics.counter(
        "vquant_cached_tokens_total", "Prompt tokens from shared pages.", counts.cachedTokens());
    metrics.counter("vquant_tokens_total", "Tokens generated.", counts.producedTokens());
    metrics.counter("vquant_decode_steps_total", "Decode passes.", counts.decodeSteps());
    metrics.counter("vquant_decode_rows_total", "Rows of decode passes.", counts.decodeRows());
    return metrics.text.toString();
  }

  private void gauge(String name, String help, long value) {
    add(name, "gauge", help, value);
  }

  private void counter(String name, String help, long value) {
    add(name, "counter", help, value);
  }

  private void add(String name, String type, String help, long value) {
    text.append("# HELP ").append(name).append(' ').append(help).append('\n');
    text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    text.append(name).append(' ').append(value).append('\n');
  }
}
