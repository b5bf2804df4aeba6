package io.vquant.engine.batching;

import io.vquant.engine.FinishReason;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.LineScores;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PagedKvCache;
import io.vquant.kernels.kvcache.SharedPage;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What the scheduler has the model do: steps of a prompt, and one token of several sequences. */
final class SequenceRunner {
  private final BatchModel model;
  private final PrefixCache prefixes;
  private final TokenScorer scorer;

  /** What one row of a decode step came to. */
  @FunctionalInterface
  interface Outcome {
    /**
     * Told once for each sequence that was at its end.
     *
     * @param reason null if the sequence goes on
     */
    void chosen(BatchSequence sequence, @Nullable FinishReason reason);
  }

  SequenceRunner(BatchModel model, PrefixCache prefixes) {
    this.model = model;
    this.prefixes = prefixes;
    scorer = new TokenScorer(model.vocabSize());
  }

  /** Position after the last token that prefill computes; what follows goes token by token. */
  int prefillEnd(BatchSequence sequence) {
    boolean plain = model.emptyCache().spec().isPlain();
    return (plain ? sequence.tokens().length() : sequence.promptTokens()) - 1;
  }

  /** Most pages at the beginning of a sequence that it may take from others. */
  private int usablePages(BatchSequence sequence) {
    if (!model.sharesPages() || sequence.owesPromptScores()) {
      return 0;
    }
    boolean plain = model.emptyCache().spec().isPlain();
    int tokens = prefillEnd(sequence) - (plain ? 0 : LineScores.OBSERVED_ROWS);
    return Math.max(0, tokens / PageLayout.TOKENS);
  }

  /** Whether one of these passes is computing pages that the sequence could take afterwards. */
  boolean shouldWait(BatchSequence sequence, List<BatchSequence> others) {
    int usable = usablePages(sequence);
    int known = prefixes.match(sequence.tokens().backingArray(), usable).size();
    int[] text = sequence.tokens().backingArray();
    for (BatchSequence other : others) {
      PromptPass pass = other.prompt();
      if (pass != null && pass.sharesMoreThan(known, text, usable * PageLayout.TOKENS)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Gives the sequence a cache with what others have computed of its beginning, and begins to
   * compute the rest of its prompt, if there is a rest.
   */
  void beginPrefill(BatchSequence sequence) {
    KvCache cache = model.emptyCache().fork();
    sequence.takeCache(cache);
    int end = prefillEnd(sequence);
    if (cache instanceof PagedKvCache paged) {
      int[] text = sequence.tokens().backingArray();
      for (List<SharedPage> page : prefixes.match(text, usablePages(sequence))) {
        paged.adopt(page);
      }
    }
    if (cache.length() < end) {
      model.deviceLock().lock();
      try {
        int pages = capturedPages(cache, cache.length() / PageLayout.TOKENS, end);
        sequence.beginPrompt(new PromptPass(model, prefixes, sequence, end, pages, scorer));
      } finally {
        model.deviceLock().unlock();
      }
    }
  }

  /** How many pages after the first {@code known} ones to keep for others. */
  private int capturedPages(KvCache cache, int known, int endToken) {
    if (!model.sharesPages() || !(cache instanceof PagedKvCache)) {
      return 0;
    }
    long fitting = prefixes.capturableByteSize() / MemoryBudget.sharedPageByteSize(cache.spec());
    return Math.clamp(fitting, 0, Math.max(0, endToken / PageLayout.TOKENS - known));
  }

  /**
   * Takes a step of the sequence's prompt.
   *
   * @return rows that went through a layer
   */
  int advancePrefill(BatchSequence sequence, PromptPass pass) {
    int rows;
    model.deviceLock().lock();
    try {
      rows = pass.advance();
    } finally {
      model.deviceLock().unlock();
    }
    if (pass.isDone()) {
      pass.tellScores();
      int firstPage = pass.adoptedTokens() / PageLayout.TOKENS;
      List<List<SharedPage>> pages = pass.takePages();
      sequence.endPrompt();
      prefixes.insert(sequence.tokens().backingArray(), firstPage, pages);
    }
    return rows;
  }

  /**
   * Runs the next token of each sequence, and chooses one more for those at their end.
   *
   * @throws RuntimeException if the model fails: no sequence has changed then
   */
  void decode(List<BatchSequence> sequences, Outcome outcome) {
    int[] ids = new int[sequences.size()];
    boolean[] atEnd = new boolean[ids.length];
    for (int i = 0; i < ids.length; i++) {
      BatchSequence sequence = sequences.get(i);
      ids[i] = sequence.tokens().tokenId(sequence.nextPosition());
      atEnd[i] = sequence.isAtEnd();
    }
    CausalLm causalLm = model.causalLm();
    model.deviceLock().lock();
    try {
      Tensor hidden = causalLm.decode(ids, sequences.stream().map(BatchSequence::cache).toList());
      Tensor logits = causalLm.logits(hidden);
      chooseNext(sequences, atEnd, logits, outcome);
    } finally {
      model.deviceLock().unlock();
    }
  }

  /** Side by side those that share nothing, then the others; the outcomes are told in order. */
  private void chooseNext(
      List<BatchSequence> sequences, boolean[] atEnd, Tensor logits, Outcome outcome) {
    @Nullable FinishReason[] reasons = new FinishReason[atEnd.length];
    onHostThreads(
        atEnd.length,
        row -> {
          if (atEnd[row] && sequences.get(row).choosesAlone()) {
            reasons[row] = choose(sequences.get(row), logits, row);
          }
        });
    for (int row = 0; row < atEnd.length; row++) {
      BatchSequence sequence = sequences.get(row);
      if (atEnd[row]) {
        FinishReason reason =
            sequence.choosesAlone() ? reasons[row] : choose(sequence, logits, row);
        outcome.chosen(sequence, reason);
      }
    }
  }

  /** Threads of another device's backend do not compute: the process has others. */
  private void onHostThreads(int rows, IntConsumer work) {
    if (model.backend().device().isHost()) {
      model.backend().forEachRow(rows, work);
    } else {
      IntStream.range(0, rows).parallel().forEach(work);
    }
  }

  private @Nullable FinishReason choose(BatchSequence sequence, Tensor logits, int row) {
    try {
      return sequence.choose(logits, row, model, scorer);
    } catch (RuntimeException failure) { // its logits, or its listener: the others go on
      sequence.fail(failure);
      return null;
    }
  }

  /** Keeps the pages of a sequence that has ended, where decoding leaves the bits of prefill. */
  void keepPages(BatchSequence sequence) {
    if (!model.sharesPages()
        || !model.emptyCache().spec().isPlain()
        || !(sequence.cache() instanceof PagedKvCache cache)) {
      return;
    }
    int[] text = sequence.tokens().backingArray();
    int known = prefixes.match(text, cache.length() / PageLayout.TOKENS).size();
    int end = known + capturedPages(cache, known, cache.length());
    List<List<SharedPage>> pages = new ArrayList<>();
    for (int page = known; page < end; page++) {
      List<SharedPage> layers = new ArrayList<>();
      for (int layer = 0; layer < cache.spec().numLayers(); layer++) {
        layers.add(cache.sharePage(layer, page));
      }
      pages.add(layers);
    }
    prefixes.insert(text, known, pages);
  }
}
