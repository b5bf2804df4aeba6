package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineDivergenceScorer;
import io.vquant.engine.EngineTokenScorer;
import io.vquant.engine.ScoringListener;
import io.vquant.eval.ComparedWindows;
import io.vquant.eval.Perplexity;
import io.vquant.eval.TokenScorer;
import io.vquant.eval.WindowLoss;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.model.ForwardCancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/** Scores one window after another. */
final class PerplexityRun {
  private final Engine engine;
  private final Engine baseEngine;
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
   * @param baseEngine what is compared with, if anything is: the same engine, or another's weights
   * @throws CommandFailure if the text has not even one window
   */
  PerplexityRun(
      Engine engine,
      Engine baseEngine,
      PerplexityPlan plan,
      PerplexityText text,
      PerplexityProgress progress,
      Interruption interruption) {
    this.engine = engine;
    this.baseEngine = baseEngine;
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
        Perplexity perplexity = scoreAlone(scorer);
        return result(perplexity, Optional.empty(), scorer.kvCacheByteSize());
      }
    }
    KvPolicy base = PolicyNames.kv("--against", plan.against());
    try (EngineDivergenceScorer scorer =
        engine.newDivergenceScorer(
            baseEngine, base, List.of(engine.kvPolicy()), plan.mode(), listener())) {
      ComparedWindows compared = new ComparedWindows(scorer);
      Perplexity perplexity =
          scoreWindows(window -> {
            compared.score(plan.protocol(), text.ids(), plan.windowTokens(), window, text.bos());
            return compared.perplexity(0);
          });
      var comparison =
          new PerplexityResult.Comparison(compared.basePerplexity(), compared.divergence(0));
      return result(perplexity, Optional.of(comparison), scorer.kvCacheByteSize(0));
    }
  }

  private Perplexity scoreAlone(TokenScorer scorer) {
    List<WindowLoss> losses = new ArrayList<>();
    return scoreWindows(window -> {
      losses.add(
          plan.protocol().score(scorer, text.ids(), plan.windowTokens(), window, text.bos()));
      return Perplexity.of(losses);
    });
  }

  /**
   * Scores the windows in order.
   *
   * @param scorer takes the index of a window, gives the perplexity of all windows up to it
   */
  private Perplexity scoreWindows(IntFunction<Perplexity> scorer) {
    Perplexity running = null;
    int tokens = plan.windowTokens();
    progress.begin(windows);
    try {
      for (int window = 0; window < windows && !interruption.isRequested(); window++) {
        running = scorer.apply(window);
        int first = window * tokens;
        scoredBytes.add(text.ids(), first, first + tokens, first + plan.firstScored());
        progress.finished(running);
      }
    } catch (ForwardCancelledException e) {
      // a signal came; the windows before this one are complete
    }
    if (running == null) {
      throw new InterruptedCommandException();
    }
    return running;
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
