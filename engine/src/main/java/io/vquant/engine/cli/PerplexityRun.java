package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineDivergenceScorer;
import io.vquant.engine.EngineTokenScorer;
import io.vquant.engine.ScoringListener;
import io.vquant.eval.ComparedScorer;
import io.vquant.eval.Perplexity;
import io.vquant.eval.TokenScorer;
import io.vquant.eval.WindowLoss;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.model.ForwardCancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Scores one window after another. */
final class PerplexityRun {
  private final Engine engine;
  private final PerplexityPlan plan;
  private final PerplexityText text;
  private final PerplexityProgress progress;
  private final Interruption interruption;
  private final int windows;
  private final ScoredBytes scoredBytes;
  private final long startNanos = System.nanoTime();

  /**
   * A run.
   *
   * @throws CommandFailure if the text has not even one window
   */
  PerplexityRun(
      Engine engine,
      PerplexityPlan plan,
      PerplexityText text,
      PerplexityProgress progress,
      Interruption interruption) {
    this.engine = engine;
    this.plan = plan;
    this.text = text;
    this.progress = progress;
    this.interruption = interruption;
    windows = Math.min(text.windows(plan.windowTokens()), plan.maxWindows());
    scoredBytes = new ScoredBytes(engine.tokenizer().streamingDecoder(false));
  }

  /**
   * Runs all windows, or fewer if a signal comes: one that was not finished is left out.
   *
   * @throws InterruptedCommandException if not even one was finished
   */
  PerplexityResult run() {
    if (plan.against() == null) {
      try (EngineTokenScorer scorer = engine.newTokenScorer(plan.mode(), listener())) {
        Perplexity perplexity = score(scorer);
        return result(perplexity, Optional.empty(), scorer.kvCacheByteSize());
      }
    }
    KvPolicy base = ModelOptions.kvPolicy("--against", plan.against());
    try (EngineDivergenceScorer pair = engine.newDivergenceScorer(base, plan.mode(), listener())) {
      ComparedScorer scorer = new ComparedScorer(pair);
      Perplexity perplexity = score(scorer);
      var comparison =
          new PerplexityResult.Comparison(scorer.basePerplexity(), scorer.divergence());
      return result(perplexity, Optional.of(comparison), pair.kvCacheByteSize());
    }
  }

  private Perplexity score(TokenScorer scorer) {
    List<WindowLoss> losses = new ArrayList<>();
    int tokens = plan.windowTokens();
    progress.begin(windows);
    try {
      for (int window = 0; window < windows && !interruption.isRequested(); window++) {
        losses.add(plan.protocol().score(scorer, text.ids(), tokens, window, text.bos()));
        int first = window * tokens;
        scoredBytes.add(text.ids(), first, first + tokens, first + plan.firstScored());
        progress.finished(losses.getLast(), Perplexity.of(losses));
      }
    } catch (ForwardCancelledException e) {
      // a signal came; the windows before this one are complete
    }
    if (losses.isEmpty()) {
      throw new InterruptedCommandException();
    }
    return Perplexity.of(losses);
  }

  private PerplexityResult result(
      Perplexity perplexity,
      Optional<PerplexityResult.Comparison> comparison,
      long kvCacheByteSize) {
    return new PerplexityResult(
        perplexity,
        comparison,
        scoredBytes.byteSize(),
        windows,
        kvCacheByteSize,
        System.nanoTime() - startNanos);
  }

  private ScoringListener listener() {
    return new ScoringListener() {
      @Override
      public void decoded(int tokens, int ofTokens) {
        progress.decoded(tokens, ofTokens);
      }

      @Override
      public boolean cancelled() {
        return interruption.isRequested();
      }
    };
  }
}
