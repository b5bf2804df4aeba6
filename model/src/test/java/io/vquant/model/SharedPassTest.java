package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.PagedKvCache;
import io.vquant.kernels.kvcache.SharedPage;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What sequences share (a batch, pages of a common beginning) must not show in their numbers. */
class SharedPassTest {
  private static final long SEED = 17;
  private static final int STEPS = 66;
  private static final int MAX_TOKENS = 1024;
  private static KernelBackend backend;
  private static LoadedModel loaded;
  private static CausalLm model;

  @BeforeAll
  static void open() {
    backend = Backends.open(Device.CPU, new BackendOptions(2, Optional.empty()));
    loaded =
        ModelLoader.load(
            SharedFolder.resolve("models").resolve("vquant-tiny"), backend, LoadListener.NONE);
    model = loaded.model();
  }

  @AfterAll
  static void close() {
    if (loaded != null) {
      loaded.close();
      backend.close();
    }
  }

  static Stream<KvPolicy> policies() {
    return Stream.of(
        KvPolicy.plain(DType.F32),
        KvPolicy.plain(DType.BF16),
        KvPolicy.nearLossless(),
        KvPolicy.parse("k2v2,window=64"));
  }

  private static int[] tokens(int count, long seed) {
    return new Random(seed).ints(count, 3, model.config().vocabSize()).toArray();
  }

  /** The hidden state of the prompt's last token and of those that follow, each alone. */
  private static List<float[]> alone(int[] text, int promptTokens, KvPolicy policy) {
    try (KvCache cache = model.newCache(MAX_TOKENS, policy)) {
      model.forward(text, 0, promptTokens - 1, cache, ForwardListener.NONE);
      return decodeAlone(text, promptTokens - 1, cache);
    }
  }

  private static List<float[]> decodeAlone(int[] text, int first, KvCache cache) {
    List<float[]> states = new ArrayList<>();
    for (int i = first; i < text.length; i++) {
      states.add(Rows.row(model.forward(text, i, 1, cache, ForwardListener.NONE), 0));
    }
    return states;
  }

  @ParameterizedTest
  @MethodSource("policies")
  void aRowOfABatchHasTheBitsOfTheRowAlone(KvPolicy policy) {
    int[] promptTokens = {2, 70, 290};
    List<int[]> texts = new ArrayList<>();
    List<List<float[]>> expected = new ArrayList<>();
    List<KvCache> caches = new ArrayList<>();
    for (int i = 0; i < promptTokens.length; i++) {
      texts.add(tokens(promptTokens[i] + STEPS, SEED + i));
      expected.add(alone(texts.get(i), promptTokens[i], policy));
      caches.add(model.newCache(MAX_TOKENS, policy));
    }
    List<ForwardPass> passes = new ArrayList<>();
    for (int i = 0; i < promptTokens.length; i++) {
      passes.add(
          model.beginForward(
              texts.get(i), 0, promptTokens[i] - 1, caches.get(i), ForwardListener.NONE));
    }
    while (!passes.stream().allMatch(ForwardPass::isDone)) { // all of them in turn
      passes.stream().filter(pass -> !pass.isDone()).forEach(ForwardPass::advance);
    }
    passes.forEach(ForwardPass::close);
    for (int step = 0; step < STEPS; step++) {
      int[] ids = new int[texts.size()];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = texts.get(i)[promptTokens[i] - 1 + step];
      }
      float[][] rows = Rows.copy(model.decode(ids, caches));
      for (int i = 0; i < ids.length; i++) {
        assertThat(rows[i])
            .as("seed %d, policy %s, sequence %d, step %d", SEED, policy, i, step)
            .isEqualTo(expected.get(i).get(step));
      }
    }
    caches.forEach(KvCache::close);
  }

  @ParameterizedTest
  @MethodSource("policies")
  void startingFromSharedPagesIsAsIfTheyHadBeenComputed(KvPolicy policy) {
    int[] text = tokens(420 + STEPS, SEED);
    List<float[]> expected = alone(text, 420, policy);
    try (PagedKvCache root = (PagedKvCache) model.newCache(MAX_TOKENS, policy)) {
      List<List<SharedPage>> pages = new ArrayList<>();
      int[] other = Arrays.copyOf(text, 350); // the same beginning, another end
      Arrays.fill(other, 330, 350, 7);
      try (PagedKvCache first = root.fork()) {
        capture(other, 5, first, pages);
      }
      long held = root.memoryInUse();
      assertThat(held).isPositive();
      for (int used : new int[] {2, 5}) {
        try (PagedKvCache cache = root.fork()) {
          pages.subList(0, used).forEach(cache::adopt);
          assertThat(cache.length()).isEqualTo(64 * used);
          try (ForwardPass pass =
              model.beginForward(text, 64 * used, 419 - 64 * used, cache, ForwardListener.NONE)) {
            while (!pass.isDone()) {
              pass.advance();
            }
          }
          List<float[]> states = decodeAlone(text, 419, cache);
          for (int i = 0; i < states.size(); i++) {
            assertThat(states.get(i))
                .as("seed %d, policy %s, %d pages, step %d", SEED, policy, used, i)
                .isEqualTo(expected.get(i));
          }
        }
        assertThat(root.memoryInUse()).isEqualTo(held);
      }
      pages.forEach(page -> page.forEach(SharedPage::release));
      assertThat(root.memoryInUse()).isZero();
    }
  }

  /** Computes a text and keeps its first pages: {@code pages[page][layer]}. */
  private static void capture(
      int[] text, int count, PagedKvCache cache, List<List<SharedPage>> pages) {
    for (int page = 0; page < count; page++) {
      pages.add(new ArrayList<>());
    }
    ForwardListener keeper =
        new ForwardListener() {
          @Override
          public void layerComputed(int index) {
            for (int page = 0; page < pages.size(); page++) {
              pages.get(page).add(cache.sharePage(index, page));
            }
          }
        };
    model.forward(text, 0, text.length, cache, keeper);
  }

  @Test
  void aPassThatIsGivenUpLeavesTheCacheAsItWas() {
    int[] text = tokens(500, SEED);
    KvPolicy policy = KvPolicy.nearLossless();
    List<float[]> expected = alone(text, 400, policy);
    try (KvCache cache = model.newCache(MAX_TOKENS, policy)) {
      for (int steps : new int[] {0, 1, 2, 9}) {
        try (ForwardPass pass = model.beginForward(text, 0, 399, cache, ForwardListener.NONE)) {
          for (int i = 0; i < steps; i++) {
            pass.advance();
          }
          assertThatThrownBy(pass::hidden).isInstanceOf(IllegalStateException.class);
        }
        assertThat(cache.length()).isZero();
      }
      model.forward(text, 0, 399, cache, ForwardListener.NONE);
      assertThat(decodeAlone(text, 399, cache).getLast()).isEqualTo(expected.getLast());
    }
  }

  @Test
  void aBatchThatOneSequenceCannotTakeLeavesAllAsTheyWere() {
    try (KvCache roomy = model.newCache(MAX_TOKENS, KvPolicy.nearLossless());
        KvCache full = model.newCache(3, KvPolicy.nearLossless())) {
      int[] text = tokens(5, SEED);
      model.forward(text, 0, 3, full, ForwardListener.NONE);
      model.forward(text, 0, 2, roomy, ForwardListener.NONE);
      assertThatThrownBy(() -> model.decode(text, List.of(roomy, full)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(roomy.length()).isEqualTo(2);
      Tensor next = model.decode(text, List.of(roomy));
      assertThat(next.rows()).isEqualTo(1);
      assertThat(roomy.length()).isEqualTo(3);
    }
  }
}
