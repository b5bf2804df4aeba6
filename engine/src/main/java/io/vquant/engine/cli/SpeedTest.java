package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.GenerationListener;
import io.vquant.engine.GenerationRequest;
import io.vquant.engine.GenerationSession;
import io.vquant.engine.GenerationStats;
import io.vquant.eval.BenchProbe;
import io.vquant.eval.BenchRow;
import io.vquant.kernels.cpu.CoreProbe;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.PageLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * Measures engines with some KV cache policies, which take turns repeat by repeat: what the machine
 * does in the meantime then meets all of them alike. Prompts are random tokens, as speed does not
 * depend on them; each test runs before it is timed.
 */
final class SpeedTest {
  private static final long WARM_UP_NANOS = 500_000_000L;
  private final List<Engine> engines;
  private final String modelName;
  private final List<String> policies;
  private final int repeats;
  private final Interruption interruption;
  private final SplittableRandom random = new SplittableRandom(20260101);
  private long peakBytes;

  /**
   * Tests to be run.
   *
   * @param engines of one model, with different weights; at least one
   * @param policies checked before
   */
  SpeedTest(
      List<Engine> engines,
      String modelName,
      List<String> policies,
      int repeats,
      Interruption interruption) {
    this.engines = engines;
    this.modelName = modelName;
    this.policies = policies;
    this.repeats = repeats;
    this.interruption = interruption;
  }

  /** One engine and policy under test. */
  private final class Contender implements AutoCloseable {
    final Engine engine;
    final String policy;
    final KvPolicy kvPolicy;
    final GenerationSession session;
    final List<Double> rates = new ArrayList<>();
    int runs;

    Contender(Engine engine, String policy) {
      this.engine = engine;
      this.policy = policy;
      kvPolicy = PolicyNames.kv("--kv", policy);
      session = engine.newSession(kvPolicy);
    }

    GenerationStats run(int[] promptIds, int maxTokens) {
      runs++;
      GenerationRequest request =
          GenerationRequest.builder(promptIds).maxTokens(maxTokens).ignoreEos(true).build();
      return session.generate(request, new StopWhenAsked()).stats();
    }

    BenchRow.Model model() {
      long weightBytes = engine.memoryPlan().weightByteSize();
      String weights = WeightReport.name(engine);
      return new BenchRow.Model(modelName, weights, weightBytes, engine.parameterCount());
    }

    /** Bits are those of whole pages: a page that is half empty would count twice. */
    BenchRow.Kv kv() {
      int tokens = Math.ceilDiv(session.tokenIds().length, PageLayout.TOKENS) * PageLayout.TOKENS;
      double bits = engine.kvEffectiveBits(kvPolicy, tokens);
      String name = policy.equals(PolicyNames.DEFAULT_KV) ? kvPolicy.toString() : policy;
      return new BenchRow.Kv(name, bits, session.kvCacheByteSize());
    }

    @Override
    public void close() {
      session.close();
    }
  }

  /** Prefill of {@code tokens} tokens behind {@code depth} others, a row a policy. */
  List<BenchRow> prefill(int tokens, int depth) {
    int[] below = randomIds(depth);
    return rows(
        "pp" + tokens,
        depth,
        contender -> {
          if (depth > 0 && contender.runs == 0) {
            contender.run(below, 1);
          }
          GenerationStats stats = contender.run(joined(below, differing(tokens, contender)), 1);
          requireTimed(stats.prefillTokens(), tokens, "prefill");
          return stats.prefillTokensPerSecond();
        });
  }

  /** Generation of {@code tokens} tokens behind {@code depth} others, or behind one. */
  List<BenchRow> decode(int tokens, int depth) {
    int[] below = randomIds(Math.max(1, depth));
    return rows(
        "tg" + tokens,
        depth,
        contender -> {
          GenerationStats stats = contender.run(below, tokens + 1);
          requireTimed(stats.decodeTokens(), tokens, "generation");
          return stats.decodeTokensPerSecond();
        });
  }

  /** A cache that packs goes back to a checkpoint, one token before where it was asked to. */
  private static void requireTimed(int timed, int asked, String what) {
    if (timed != asked && timed != asked + 1) {
      throw new IllegalStateException(what + " of " + timed + " tokens was timed, not of " + asked);
    }
  }

  /**
   * After a signal, the rows that have at least one repeat.
   *
   * @param timedRun gives tokens a second
   */
  private List<BenchRow> rows(String test, int depth, ToDoubleFunction<Contender> timedRun) {
    BenchProbe probe = probe();
    List<Contender> contenders = new ArrayList<>();
    try {
      for (Engine engine : engines) {
        policies.forEach(policy -> contenders.add(new Contender(engine, policy)));
      }
      measure(contenders, timedRun);
      peakBytes = Math.max(peakBytes, ProcessFacts.peakResidentBytes());
      return contenders.stream()
          .filter(contender -> !contender.rates.isEmpty())
          .map(contender -> row(contender, test, depth, probe))
          .toList();
    } finally {
      contenders.forEach(Contender::close);
    }
  }

  private void measure(List<Contender> contenders, ToDoubleFunction<Contender> timedRun) {
    try {
      contenders.forEach(contender -> warmUp(contender, timedRun));
      for (int round = 0; round < repeats; round++) {
        contenders.forEach(contender -> contender.rates.add(timedRun.applyAsDouble(contender)));
      }
    } catch (InterruptedCommandException e) {
      // what was measured is kept
    }
  }

  /** Runs once, and on while it is brief: Java compiles what runs often. */
  private static void warmUp(Contender contender, ToDoubleFunction<Contender> timedRun) {
    long startNanos = System.nanoTime();
    double rate = 1;
    while (rate > 0 && System.nanoTime() - startNanos < WARM_UP_NANOS) {
      rate = timedRun.applyAsDouble(contender);
    }
  }

  private BenchRow row(Contender contender, String test, int depth, BenchProbe probe) {
    return new BenchRow(
        contender.model(),
        contender.engine.device().toString(),
        contender.engine.threads(),
        contender.kv(),
        test,
        depth,
        contender.rates,
        probe,
        peakBytes,
        false);
  }

  /** A signal ends the run under way. */
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
    CoreProbe probe = CoreProbe.read(engines.getFirst().threads());
    ProcessFacts.forgetPeak();
    return new BenchProbe(probe.fmaGflops(), probe.readGbPerSecond(), probe.scaling());
  }

  private int[] randomIds(int count) {
    return random.ints(count, 0, engines.getFirst().config().vocabSize()).toArray();
  }

  /** Ids whose first differs from that of the run before, so that none of them is in the cache. */
  private int[] differing(int count, Contender contender) {
    int[] ids = randomIds(count);
    ids[0] = contender.runs % engines.getFirst().config().vocabSize();
    return ids;
  }

  private static int[] joined(int[] first, int[] second) {
    int[] all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
