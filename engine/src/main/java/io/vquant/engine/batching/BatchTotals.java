package io.vquant.engine.batching;

import io.vquant.engine.FinishReason;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.PagedKvCache;
import java.util.concurrent.atomic.AtomicLong;

/** Counts, written by the scheduler and by those that submit, read by anyone. */
final class BatchTotals {
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong ended = new AtomicLong();
  private final AtomicLong cancelled = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong rejected = new AtomicLong();
  private final AtomicLong preemptions = new AtomicLong();
  private final AtomicLong promptTokens = new AtomicLong();
  private final AtomicLong cachedTokens = new AtomicLong();
  private final AtomicLong producedTokens = new AtomicLong();
  private final AtomicLong decodeSteps = new AtomicLong();
  private final AtomicLong decodeRows = new AtomicLong();
  private volatile long cacheByteSize;
  private volatile long prefixByteSize;
  private volatile int prefixPages;

  void accepted() {
    requests.incrementAndGet();
  }

  void rejected(int count) {
    rejected.addAndGet(count);
  }

  void ended(FinishReason reason) {
    (reason == FinishReason.CANCELLED ? cancelled : ended).incrementAndGet();
  }

  void failed() {
    failed.incrementAndGet();
  }

  void preempted() {
    preemptions.incrementAndGet();
  }

  /** A prompt begins; the last token is computed by the first step of decoding. */
  void prompt(BatchSequence sequence, int prefillEnd) {
    int adopted = sequence.nextPosition();
    cachedTokens.addAndGet(adopted);
    promptTokens.addAndGet(prefillEnd - adopted + 1L);
  }

  void produced() {
    producedTokens.incrementAndGet();
  }

  void decoded(int rows) {
    decodeSteps.incrementAndGet();
    decodeRows.addAndGet(rows);
  }

  void memory(KvCache emptyCache, PrefixCache prefixes) {
    cacheByteSize = emptyCache instanceof PagedKvCache paged ? paged.memoryInUse() : 0;
    prefixByteSize = prefixes.byteSize();
    prefixPages = prefixes.pages();
  }

  BatchCounters counters(int waiting, int running) {
    return new BatchCounters(
        waiting,
        running,
        cacheByteSize,
        prefixPages,
        prefixByteSize,
        requests.get(),
        ended.get(),
        cancelled.get(),
        failed.get(),
        rejected.get(),
        preemptions.get(),
        promptTokens.get(),
        cachedTokens.get(),
        producedTokens.get(),
        decodeSteps.get(),
        decodeRows.get());
  }
}
