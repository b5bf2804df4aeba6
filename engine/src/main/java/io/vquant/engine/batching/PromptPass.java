package io.vquant.engine.batching;

import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PagedKvCache;
import io.vquant.kernels.kvcache.SharedPage;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import io.vquant.model.ForwardPass;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Prefill of one sequence in steps: its tokens but for the last go through the model, their pages
 * are kept for others, their scores computed where they are wanted.
 */
final class PromptPass implements AutoCloseable {
  private final BatchModel model;
  private final PrefixCache prefixes;
  private final BatchSequence sequence;
  private final ForwardPass pass;
  private final int adoptedTokens;
  private final int endToken;
  private final TokenScorer scorer;
  private final List<List<SharedPage>> captured = new ArrayList<>();
  private final @Nullable List<TokenScore> scores;
  private long reservedByteSize;
  private boolean pagesTaken;

  /**
   * Begins; the sequence's cache holds the tokens adopted from shared pages.
   *
   * @param endToken position after the last token to compute
   * @param capturedPages pages after the adopted ones to keep for others
   */
  PromptPass(
      BatchModel model,
      PrefixCache prefixes,
      BatchSequence sequence,
      int endToken,
      int capturedPages,
      TokenScorer scorer) {
    this.model = model;
    this.prefixes = prefixes;
    this.sequence = sequence;
    this.endToken = endToken;
    this.scorer = scorer;
    scores = sequence.owesPromptScores() ? new ArrayList<>() : null;
    adoptedTokens = sequence.nextPosition();
    for (int i = 0; i < capturedPages; i++) {
      captured.add(new ArrayList<>());
    }
    pass =
        model
            .causalLm()
            .beginForward(
                sequence.tokens().backingArray(),
                adoptedTokens,
                endToken - adoptedTokens,
                sequence.cache(),
                new Capture());
    reservedByteSize = capturedPages * MemoryBudget.sharedPageByteSize(model.emptyCache().spec());
    prefixes.reserve(reservedByteSize);
  }

  int adoptedTokens() {
    return adoptedTokens;
  }

  int endToken() {
    return endToken;
  }

  boolean isDone() {
    return pass.isDone() && (scores == null || scores.size() == endToken);
  }

  /**
   * Takes a step.
   *
   * @return rows that it took through a layer, or through the output layer
   */
  int advance() {
    return pass.isDone() ? scoreRows() : pass.advance();
  }

  /** Scores the tokens after some rows; the last row's is the token that decode starts with. */
  private int scoreRows() {
    int first = scores == null ? 0 : scores.size();
    int rows = Math.min(CausalLm.MAX_LOGITS_ROWS, endToken - first);
    Tensor logits = model.causalLm().logits(pass.hidden().rows(first, rows));
    for (int row = 0; scores != null && row < rows; row++) {
      int token = sequence.tokens().tokenId(first + row + 1);
      scores.add(scorer.score(logits, row, token, sequence.request().topLogprobs()));
    }
    return rows;
  }

  /** Tells the scores, if any. */
  void tellScores() {
    if (scores != null) {
      sequence.promptScored();
      sequence.listener().onPromptScores(scores);
    }
  }

  /** The pages kept, after the adopted ones; the caller's from now on. */
  List<List<SharedPage>> takePages() {
    pagesTaken = true;
    return captured;
  }

  /** Whether another text begins with more of these tokens than {@code pages} pages. */
  boolean sharesMoreThan(int pages, int[] text, int usableTokens) {
    int limit = Math.min(usableTokens, adoptedTokens + captured.size() * PageLayout.TOKENS);
    int common = 0;
    while (common < limit && sequence.tokens().tokenId(common) == text[common]) {
      common++;
    }
    return common / PageLayout.TOKENS > pages;
  }

  @Override
  public void close() {
    pass.close();
    prefixes.reserve(-reservedByteSize);
    reservedByteSize = 0;
    if (!pagesTaken) {
      pagesTaken = true;
      captured.forEach(page -> page.forEach(SharedPage::release));
    }
  }

  /** Takes a layer's pages before the layer packs them. */
  private final class Capture implements ForwardListener {
    @Override
    public void layerComputed(int index) {
      if (sequence.cache() instanceof PagedKvCache cache) {
        int firstPage = adoptedTokens / PageLayout.TOKENS;
        for (int i = 0; i < captured.size(); i++) {
          captured.get(i).add(cache.sharePage(index, firstPage + i));
        }
      }
    }

    @Override
    public boolean cancelled() {
      return sequence.isCancelled();
    }

    @Override
    public void progress(long doneWork, long totalWork) {
      sequence.listener().onPrefill(doneWork, totalWork);
    }
  }
}
