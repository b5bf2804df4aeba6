package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineDivergenceScorer;
import io.vquant.engine.ScoringListener;
import io.vquant.eval.BenchRow;
import io.vquant.eval.ComparedWindows;
import io.vquant.eval.Perplexity;
import io.vquant.eval.SweepRow;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.model.ForwardCancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Runs all policies over one window after another, so that each has had the same tokens. */
final class KvSweepRun {
  private final Engine engine;
  private final PerplexityPlan plan;
  private final PerplexityText text;
  private final List<String> names;
  private final List<KvPolicy> policies;
  private final Interruption interruption;
  private final int windows;
  private int finishedWindows;

  /** Told how many tokens have been through all caches. */
  @FunctionalInterface
  interface Progress {
    void update(long doneTokens, long totalTokens);
  }

  /**
   * A run.
   *
   * @param names of policies that were checked
   * @throws CommandFailure if the text has not even one window
   */
  KvSweepRun(
      Engine engine,
      PerplexityPlan plan,
      PerplexityText text,
      List<String> names,
      Interruption interruption) {
    this.engine = engine;
    this.plan = plan;
    this.text = text;
    this.names = names;
    policies = names.stream().map(name -> PolicyNames.kv("--kv", name)).toList();
    this.interruption = interruption;
    windows = Math.min(text.windows(plan.windowTokens()), plan.maxWindows());
  }

  /**
   * The base, then the policies in their order.
   *
   * @throws InterruptedCommandException if not even one window was finished
   */
  List<SweepRow> run(Progress progress) {
    KvPolicy base = PolicyNames.kv("--against", plan.baseName());
    List<KvPolicy> all = new ArrayList<>(policies);
    all.add(base); // once more as a way, for its speed and bytes
    try (EngineDivergenceScorer scorer =
        engine.newDivergenceScorer(base, all, plan.mode(), listener(progress))) {
      ComparedWindows compared = new ComparedWindows(scorer);
      try {
        while (finishedWindows < windows && !interruption.isRequested()) {
          compared.score(
              plan.protocol(), text.ids(), plan.windowTokens(), finishedWindows, text.bos());
          finishedWindows++;
          progress.update(tokens(finishedWindows), tokens(windows));
        }
      } catch (ForwardCancelledException e) {
        // a signal came; the windows before this one are complete
      }
      if (finishedWindows == 0) {
        throw new InterruptedCommandException();
      }
      List<SweepRow> rows = new ArrayList<>();
      rows.add(row(scorer, compared, names.size(), plan.baseName(), base));
      for (int i = 0; i < names.size(); i++) {
        rows.add(row(scorer, compared, i, names.get(i), policies.get(i)));
      }
      return rows;
    }
  }

  private SweepRow row(
      EngineDivergenceScorer scorer,
      ComparedWindows compared,
      int way,
      String name,
      KvPolicy policy) {
    Perplexity perplexity = compared.perplexity(way);
    double bits = engine.kvEffectiveBits(policy, plan.windowTokens());
    return new SweepRow(
        new BenchRow.Kv(name, bits, scorer.kvCacheByteSize(way)),
        perplexity,
        perplexity.value() / compared.basePerplexity().value(),
        way == names.size() ? Optional.empty() : Optional.of(compared.divergence(way)),
        scorer.layerTokens(way) * 1e9 / scorer.layerNanos(way),
        finishedWindows < windows);
  }

  private long tokens(int windowCount) {
    return (long) windowCount * plan.windowTokens();
  }

  private ScoringListener listener(Progress progress) {
    return new ScoringListener() {
      @Override
      public void decoded(int tokens, int ofTokens) {
        progress.update(tokens(finishedWindows) + tokens, tokens(windows));
      }

      @Override
      public boolean cancelled() {
        return interruption.isRequested();
      }
    };
  }
}
