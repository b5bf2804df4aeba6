package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Steps of several sequences on every backend: each sequence at its own position, fewer and fewer
 * of them. ({@code SharedPassTest} holds host devices to the same bits.)
 */
class SequencesTogetherTest {
  private static final long SEED = 23;

  static Stream<Arguments> families() {
    return GoldenTest.cases();
  }

  /** All sequences are the recorded text; they leave the prompt behind at different places. */
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("families")
  void logitsAreTheRecordedOnes(String backendName, String family) throws IOException {
    Path folder = SharedFolder.resolve("goldens").resolve(family);
    try (Arena arena = Arena.ofConfined();
        KernelBackend backend = GoldenTest.open(backendName);
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      Golden golden = Golden.read(folder, arena);
      int[] ids = golden.inputIds();
      KvPolicy policy = KvPolicy.plain(DType.F32);
      List<int[]> texts = List.of(ids, ids, ids);
      for (float[][] logits : decode(loaded.model(), texts, new int[] {1, 6, 9}, policy)) {
        assertThat(golden.difference("logits", logits))
            .as(backendName + " " + family)
            .isLessThanOrEqualTo(GoldenTest.limit(backendName, golden));
      }
    }
  }

  static Stream<Arguments> policies() {
    return GoldenTest.backendNames()
        .filter(name -> !name.equals("reference"))
        .flatMap(
            name -> Stream.of("bf16", "k8v4", "k4v4,window=64").map(kv -> Arguments.of(name, kv)));
  }

  /**
   * Texts that differ: a row that read another one's keys would be as far off as the logits are
   * large, where rows that are rounded to 16 bits are off by some 2^-9 a product.
   */
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("policies")
  void eachSequenceHasItsOwnKeys(String backendName, String policy) throws IOException {
    Path folder = SharedFolder.resolve("models").resolve("vquant-tiny");
    int[] prompts = {2, 130, 333};
    try (KernelBackend backend = GoldenTest.open(backendName);
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      CausalLm model = loaded.model();
      List<int[]> texts = new ArrayList<>();
      for (int i = 0; i < prompts.length; i++) {
        Random random = new Random(SEED + i);
        texts.add(random.ints(prompts[i] + 70, 3, model.config().vocabSize()).toArray());
      }
      KvPolicy kv = policy.equals("bf16") ? KvPolicy.plain(DType.BF16) : KvPolicy.parse(policy);
      List<float[][]> together = decode(model, texts, prompts, kv);
      for (int i = 0; i < prompts.length; i++) {
        float[][] alone =
            decode(model, List.of(texts.get(i)), new int[] {prompts[i]}, kv).getFirst();
        assertThat(relativeError(together.get(i), alone))
            .as("%s %s, seed %d, sequence %d", backendName, policy, SEED, i)
            .isLessThan(0.03);
      }
    }
  }

  private static double relativeError(float[][] actual, float[][] expected) {
    double squares = 0;
    double errors = 0;
    for (int row = 0; row < expected.length; row++) {
      for (int i = 0; i < expected[row].length; i++) {
        double error = actual[row][i] - expected[row][i];
        squares += (double) expected[row][i] * expected[row][i];
        errors += error * error;
      }
    }
    return Math.sqrt(errors / squares);
  }

  /** Logits of all tokens of each text: its prompt in a pass, the rest in steps of all. */
  private static List<float[][]> decode(
      CausalLm model, List<int[]> texts, int[] promptTokens, KvPolicy policy) {
    List<float[][]> logits = new ArrayList<>();
    List<KvCache> caches = new ArrayList<>();
    for (int i = 0; i < promptTokens.length; i++) {
      int[] text = texts.get(i);
      KvCache cache = model.newCache(text.length, policy);
      caches.add(cache);
      Tensor hidden = model.forward(text, 0, promptTokens[i], cache, ForwardListener.NONE);
      logits.add(Arrays.copyOf(GoldenTest.logits(model, hidden), text.length));
    }
    for (List<Integer> open = unfinished(texts, caches);
        !open.isEmpty();
        open = unfinished(texts, caches)) {
      int[] positions = open.stream().mapToInt(i -> caches.get(i).length()).toArray();
      int[] ids = open.stream().mapToInt(i -> texts.get(i)[caches.get(i).length()]).toArray();
      float[][] rows =
          Rows.copy(model.logits(model.decode(ids, open.stream().map(caches::get).toList())));
      for (int row = 0; row < rows.length; row++) {
        logits.get(open.get(row))[positions[row]] = rows[row];
      }
    }
    caches.forEach(KvCache::close);
    return logits;
  }

  private static List<Integer> unfinished(List<int[]> texts, List<KvCache> caches) {
    List<Integer> open = new ArrayList<>();
    for (int i = 0; i < caches.size(); i++) {
      if (caches.get(i).length() < texts.get(i).length) {
        open.add(i);
      }
    }
    return open;
  }
}
