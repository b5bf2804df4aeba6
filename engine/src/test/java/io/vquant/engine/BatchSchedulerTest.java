package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.engine.batching.BatchListener;
import io.vquant.engine.batching.BatchOptions;
import io.vquant.engine.batching.BatchRequest;
import io.vquant.engine.batching.BatchResult;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.engine.batching.BatchTicket;
import io.vquant.engine.batching.QueueFullException;
import io.vquant.engine.batching.TokenScore;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever happens beside a request, it gets what a session of its own would give. */
class BatchSchedulerTest {
  private static final long SEED = 23;
  private static final int CONTEXT = 1024;
  private static final int ANSWER_TOKENS = 70;

  /** Waits for the end. */
  private static final class Collector implements BatchListener {
    final CompletableFuture<BatchResult> result = new CompletableFuture<>();
    final CountDownLatch firstToken = new CountDownLatch(1);
    final List<Integer> tokens = new ArrayList<>();
    final List<TokenScore> promptScores = new ArrayList<>();
    final List<TokenScore> scores = new ArrayList<>();

    @Override
    public void onPromptScores(List<TokenScore> all) {
      promptScores.addAll(all);
    }

    @Override
    public void onToken(int tokenId, @Nullable TokenScore score) {
      tokens.add(tokenId);
      if (score != null) {
        scores.add(score);
      }
      firstToken.countDown();
    }

    @Override
    public void onEnd(BatchResult ended) {
      result.complete(ended);
    }

    @Override
    public void onFailure(Throwable failure) {
      result.completeExceptionally(failure);
    }

    BatchResult await() throws Exception {
      return result.get(60, TimeUnit.SECONDS);
    }
  }

  static Stream<KvPolicy> policies() {
    return Stream.of(KvPolicy.plain(DType.BF16), KvPolicy.nearLossless());
  }

  private static Engine open(KvPolicy policy) {
    return Engine.open(
        TestModels.options(TestModels.tiny()).withContextLength(CONTEXT).withKvPolicy(policy));
  }

  private static BatchOptions options(Engine engine, int slots, int queue, double sequences) {
    long one = engine.memoryPlan().cacheByteSize() + engine.memoryPlan().scratchByteSize();
    long prefixes = one / 2;
    return new BatchOptions(slots, queue, (long) (one * sequences) + prefixes, prefixes);
  }

  private static GenerationRequest request(int[] prompt) {
    return GenerationRequest.builder(prompt).maxTokens(ANSWER_TOKENS).ignoreEos(true).build();
  }

  /** Prompts of many lengths; most begin with the same 200 tokens. */
  private static List<int[]> prompts(int count) {
    Random random = new Random(SEED);
    int[] shared = random.ints(200, 3, 4096).toArray();
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] own = random.ints(1 + random.nextInt(300), 3, 4096).toArray();
      if (i % 4 == 3) {
        prompts.add(own);
      } else {
        int[] prompt = new int[shared.length + own.length];
        System.arraycopy(shared, 0, prompt, 0, shared.length);
        System.arraycopy(own, 0, prompt, shared.length, own.length);
        prompts.add(prompt);
      }
    }
    return prompts;
  }

  private static List<GenerationResult> alone(Engine engine, List<int[]> prompts) {
    List<GenerationResult> results = new ArrayList<>();
    for (int[] prompt : prompts) {
      try (GenerationSession session = engine.newSession()) {
        results.add(session.generate(request(prompt)));
      }
    }
    return results;
  }

  private static List<Collector> submit(BatchScheduler scheduler, List<int[]> prompts) {
    List<Collector> collectors = new ArrayList<>();
    for (int[] prompt : prompts) {
      Collector collector = new Collector();
      scheduler.submit(BatchRequest.of(request(prompt)), collector);
      collectors.add(collector);
    }
    return collectors;
  }

  @ParameterizedTest
  @MethodSource("policies")
  void eachGetsWhatItGetsAlone(KvPolicy policy) throws Exception {
    List<int[]> prompts = prompts(5);
    try (Engine engine = open(policy);
        BatchScheduler scheduler = engine.newScheduler(options(engine, 8, 100, 8))) {
      List<GenerationResult> expected = alone(engine, prompts);
      for (int round = 0; round < 2; round++) { // the second finds pages of the first
        requireSame(scheduler, prompts, expected, policy + ", round " + round);
      }
      assertThat(scheduler.counters().cachedTokens()).isPositive();
      assertThat(scheduler.counters().preemptions()).isZero();
      assertThat(scheduler.counters().decodeRows())
          .isGreaterThan(2 * scheduler.counters().decodeSteps());
      assertIdle(scheduler);
    }
  }

  @ParameterizedTest
  @MethodSource("policies")
  void thoseThatGaveWayGetIt(KvPolicy policy) throws Exception {
    Random random = new Random(SEED);
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      prompts.add(random.ints(60 + i, 3, 4096).toArray());
    }
    EngineOptions narrow =
        TestModels.options(TestModels.tiny()).withContextLength(320).withKvPolicy(policy);
    try (Engine engine = Engine.open(narrow)) {
      KvCacheSpec spec = engine.config().cacheSpec(320, policy);
      long one = spec.byteSize(320) + spec.passByteSize(320);
      List<GenerationResult> expected = alone(engine, prompts);
      try (BatchScheduler scheduler =
          engine.newScheduler(new BatchOptions(6, 10, one + 1000, 1000))) {
        requireSame(scheduler, prompts, expected, policy.toString());
        assertThat(scheduler.counters().preemptions()).isPositive();
        assertIdle(scheduler);
      }
    }
  }

  private static void requireSame(
      BatchScheduler scheduler,
      List<int[]> prompts,
      List<GenerationResult> expected,
      String description)
      throws Exception {
    List<Collector> collectors = submit(scheduler, prompts);
    for (int i = 0; i < prompts.size(); i++) {
      BatchResult result = collectors.get(i).await();
      assertThat(collectors.get(i).tokens)
          .as("seed %d, %s, request %d", SEED, description, i)
          .isEqualTo(ints(expected.get(i).tokenIds()));
      assertThat(result.text()).isEqualTo(expected.get(i).text());
      assertThat(result.reason()).isEqualTo(FinishReason.LENGTH);
    }
  }

  private static List<Integer> ints(int[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static void assertIdle(BatchScheduler scheduler) {
    assertThat(scheduler.counters().running()).isZero();
    assertThat(scheduler.counters().waiting()).isZero();
    assertThat(scheduler.counters().cacheByteSize())
        .as("bytes in use beyond shared pages")
        .isEqualTo(scheduler.counters().prefixByteSize());
  }

  @Test
  void aSharedBeginningIsComputedOnce() throws Exception {
    List<int[]> prompts = prompts(3);
    try (Engine engine = open(KvPolicy.nearLossless());
        BatchScheduler scheduler = engine.newScheduler(options(engine, 4, 10, 4))) {
      for (Collector collector : submit(scheduler, prompts)) {
        collector.await();
      }
      int total = prompts.stream().mapToInt(prompt -> prompt.length).sum();
      long cached = scheduler.counters().cachedTokens();
      // the longest common beginning in pages, less the rows that choose the lines
      assertThat(cached).isGreaterThanOrEqualTo(2L * 128);
      assertThat(scheduler.counters().promptTokens()).isEqualTo(total - cached);
    }
  }

  @Test
  void cancelledAtAnyMomentNothingIsLeftBehind() throws Exception {
    Random random = new Random(SEED);
    try (Engine engine = open(KvPolicy.nearLossless());
        BatchScheduler scheduler = engine.newScheduler(options(engine, 4, 1000, 2.5))) {
      List<int[]> prompts = prompts(6);
      List<GenerationResult> expected = alone(engine, prompts.subList(0, 2));
      List<Collector> collectors = new ArrayList<>();
      for (int i = 0; i < 150; i++) {
        Collector collector = new Collector();
        int[] prompt = prompts.get(random.nextInt(prompts.size()));
        BatchTicket ticket = scheduler.submit(BatchRequest.of(request(prompt)), collector);
        collectors.add(collector);
        if (random.nextInt(8) != 0) {
          if (random.nextInt(4) == 0) {
            collector.firstToken.await(1, TimeUnit.SECONDS);
          } else {
            Thread.sleep(random.nextInt(4));
          }
          ticket.cancel();
        }
      }
      List<Collector> last = submit(scheduler, prompts.subList(0, 2));
      for (Collector collector : collectors) {
        assertThat(collector.await().reason()).isIn(FinishReason.CANCELLED, FinishReason.LENGTH);
      }
      for (int i = 0; i < last.size(); i++) {
        last.get(i).await();
        assertThat(last.get(i).tokens).isEqualTo(ints(expected.get(i).tokenIds()));
      }
      assertIdle(scheduler);
      assertThat(scheduler.counters().ended() + scheduler.counters().cancelled())
          .isEqualTo(scheduler.counters().requests());
    }
  }

  @Test
  void aFullQueueRefusesAndClosingEndsAll() throws Exception {
    Collector running = new Collector();
    Collector waiting = new Collector();
    try (Engine engine = open(KvPolicy.nearLossless())) {
      int[] prompt = prompts(1).getFirst();
      GenerationRequest endless = GenerationRequest.builder(prompt).ignoreEos(true).build();
      try (BatchScheduler scheduler = engine.newScheduler(options(engine, 1, 1, 1))) {
        scheduler.submit(BatchRequest.of(endless), running);
        assertThat(running.firstToken.await(60, TimeUnit.SECONDS)).isTrue();
        scheduler.submit(BatchRequest.of(endless), waiting);
        assertThatThrownBy(() -> scheduler.submit(BatchRequest.of(endless), new Collector()))
            .isInstanceOf(QueueFullException.class);
        assertThat(scheduler.counters().rejected()).isEqualTo(1);
      }
      assertThat(running.await().reason()).isEqualTo(FinishReason.CANCELLED);
      assertThat(waiting.await().reason()).isEqualTo(FinishReason.CANCELLED);
    }
  }

  @Test
  void oneThatFailsTakesNobodyWithIt() throws Exception {
    try (Engine engine = open(KvPolicy.nearLossless());
        BatchScheduler scheduler = engine.newScheduler(options(engine, 4, 4, 4))) {
      List<int[]> prompts = prompts(2);
      List<GenerationResult> expected = alone(engine, prompts);
      Collector failing = new Collector();
      GenerationRequest broken =
          GenerationRequest.builder(prompts.getFirst())
              .maxTokens(50)
              .ignoreEos(true)
              .logitsProcessors(
                  List.of((candidates, history) -> {
                    if (history.length() > prompts.getFirst().length + 5) {
                      throw new IllegalStateException("on purpose");
                    }
                  }))
              .build();
      scheduler.submit(BatchRequest.of(broken), failing);
      List<Collector> others = submit(scheduler, prompts);
      assertThatThrownBy(failing::await).hasMessageContaining("on purpose");
      for (int i = 0; i < others.size(); i++) {
        others.get(i).await();
        assertThat(others.get(i).tokens).isEqualTo(ints(expected.get(i).tokenIds()));
      }
      assertThat(scheduler.counters().failed()).isEqualTo(1);
      assertIdle(scheduler);
    }
  }

  @Test
  void promptScoresAreThoseOfAScorer() throws Exception {
    int[] text = prompts(1).getFirst();
    try (Engine engine = open(KvPolicy.plain(DType.BF16));
        BatchScheduler scheduler = engine.newScheduler(options(engine, 2, 4, 4))) {
      double[] losses = engine.newTokenScorer().negativeLogLikelihoods(text, 1);
      Collector collector = new Collector();
      scheduler.submit(new BatchRequest(request(text), 3, true, false, Set.of()), collector);
      assertThat(collector.await().producedTokens()).isZero();
      assertThat(collector.promptScores).hasSize(text.length - 1);
      for (int i = 1; i < text.length; i++) {
        TokenScore score = collector.promptScores.get(i - 1);
        assertThat(score.tokenId()).isEqualTo(text[i]);
        assertThat((double) score.logprob()).isCloseTo(-losses[i - 1], Offset.offset(1e-4));
        assertThat(score.topIds()).hasSize(3);
        assertThat(score.topLogprobs()[0]).isGreaterThanOrEqualTo(score.topLogprobs()[1]);
      }
      Collector scored = new Collector();
      scheduler.submit(new BatchRequest(request(text), 1, false, true, Set.of()), scored);
      scored.await();
      for (int i = 0; i < scored.tokens.size(); i++) { // greedy: the most likely token is taken
        assertThat(scored.scores.get(i).topIds()[0]).isEqualTo(scored.tokens.get(i));
        assertThat(scored.scores.get(i).logprob()).isEqualTo(scored.scores.get(i).topLogprobs()[0]);
      }
    }
  }
}
