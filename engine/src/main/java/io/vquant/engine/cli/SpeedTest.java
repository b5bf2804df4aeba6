package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.GenerationListener;
import io.vquant.engine.GenerationRequest;
import io.vquant.engine.GenerationSession;
import io.vquant.engine.GenerationStats;
import io.vquant.eval.BenchProbe;
import io.vquant.eval.BenchRow;
import io.vquant.kernels.cpu.CoreProbe;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Measures one engine. Prompts are random tokens, as speed does not depend on them; each test runs
 * once before it is timed, and the part of a prompt below the depth stays in the session's cache.
 */
final class SpeedTest {
  private final Engine engine;
  private final String modelName;
  private final String kvPolicy;
  private final int repeats;
  private final Interruption interruption;
  private final SplittableRandom random = new SplittableRandom(20260101);
  private long peakBytes;

  SpeedTest(
      Engine engine, String modelName, String kvPolicy, int repeats, Interruption interruption) {
    this.engine = engine;
    this.modelName = modelName;
    this.kvPolicy = kvPolicy;
    this.repeats = repeats;
    this.interruption = interruption;
  }

  /** Prefill of {@code tokens} tokens behind {@code depth} others. */
  BenchRow prefill(int tokens, int depth) {
    BenchProbe probe = probe();
    List<Long> nanos = new ArrayList<>();
    try (GenerationSession session = engine.newSession()) {
      int[] below = randomIds(depth);
      if (depth > 0) {
        run(session, below, 1);
      }
      for (int i = 0; i <= repeats; i++) {
        GenerationStats stats = run(session, joined(below, differing(tokens, i)), 1);
        if (stats.prefillTokens() != tokens) {
          throw new IllegalStateException(
              "prefill of " + stats.prefillTokens() + " tokens was timed, not of " + tokens);
        }
        if (i > 0) {
          nanos.add(stats.prefillNanos());
        }
      }
    }
    return row("pp" + tokens, depth, BenchRow.Rate.of(tokens, nanos), probe);
  }

  /** Generation of {@code tokens} tokens behind {@code depth} others, or behind one. */
  BenchRow decode(int tokens, int depth) {
    BenchProbe probe = probe();
    List<Long> nanos = new ArrayList<>();
    try (GenerationSession session = engine.newSession()) {
      int[] below = randomIds(Math.max(1, depth));
      for (int i = 0; i <= repeats; i++) {
        GenerationStats stats = run(session, below, tokens + 1);
        if (stats.decodeTokens() != tokens) {
          throw new IllegalStateException(
              "generation of " + stats.decodeTokens() + " tokens was timed, not of " + tokens);
        }
        if (i > 0) {
          nanos.add(stats.decodeNanos());
        }
      }
    }
    return row("tg" + tokens, depth, BenchRow.Rate.of(tokens, nanos), probe);
  }

  private GenerationStats run(GenerationSession session, int[] promptIds, int maxTokens) {
    GenerationRequest request =
        GenerationRequest.builder(promptIds).maxTokens(maxTokens).ignoreEos(true).build();
    return session.generate(request, new StopWhenAsked()).stats();
  }

  /** A signal ends the measurement; there is no row to save. */
  private final class StopWhenAsked implements GenerationListener {
    @Override
    public void onPrefill(long done, long total) {
      interruption.check();
    }

    @Override
    public void onToken(int tokenId) {
      interruption.check();
    }
  }

  /** Reads the roof; its memory does not count as the engine's. */
  private BenchProbe probe() {
    peakBytes = Math.max(peakBytes, ProcessFacts.peakResidentBytes());
    CoreProbe probe = CoreProbe.read(engine.threads());
    ProcessFacts.forgetPeak();
    return new BenchProbe(probe.fmaGflops(), probe.readGbPerSecond(), probe.scaling());
  }

  private BenchRow row(String test, int depth, BenchRow.Rate rate, BenchProbe probe) {
    peakBytes = Math.max(peakBytes, ProcessFacts.peakResidentBytes());
    return new BenchRow(
        modelName,
        engine.device().toString(),
        engine.threads(),
        kvPolicy,
        test,
        depth,
        rate.tokensPerSecond(),
        rate.stddev(),
        repeats,
        probe,
        peakBytes);
  }

  private int[] randomIds(int count) {
    return random.ints(count, 0, engine.config().vocabSize()).toArray();
  }

  /** Ids whose first differs from that of other rounds, so that none of them is in the cache. */
  private int[] differing(int count, int round) {
    int[] ids = randomIds(count);
    ids[0] = round % engine.config().vocabSize();
    return ids;
  }

  private static int[] joined(int[] first, int[] second) {
    int[] all = java.util.Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
