package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family against transformers, on every backend. */
class GoldenTest {
  private static final Map<String, Supplier<KernelBackend>> BACKENDS =
      Map.of(
          "reference",
          ReferenceBackend::new,
          "cpu",
          () -> new CpuBackend(new BackendOptions(2)),
          "cuda",
          GoldenTest::openCuda);

  private static final List<String> FAMILIES =
      List.of(
          "llama-biases-f32",
          "llama-gqa-tied-bf16",
          "llama-heads9-d80-sharded-bf16",
          "llama-mha-f32",
          "llama-rope-linear-bf16",
          "llama-rope-yarn-f32",
          "llama3-rope-f16",
          "mistral-nowindow-d32-bf16",
          "mistral-window16-f32",
          "qwen2-bias-tied-bf16",
          "qwen2-yarn-f32",
          "qwen3-qknorm-d32-bf16",
          "qwen3-tied-f16",
          "smollm3-nope-bf16");

  /** The recorded noise is one sample of float32 rounding; another order of sums is another one. */
  private static final double TIMES_NOISE = 4;

  /** Skips without a GPU, unless one is required. */
  private static KernelBackend openCuda() {
    try {
      return Backends.open(new Device(Device.Kind.CUDA, 0), new BackendOptions(1));
    } catch (UnsupportedKernelException e) {
      if (System.getProperty("vquant.test.require", "").contains("cuda")) {
        throw e;
      }
      return abort(e.getMessage());
    }
  }

  static Stream<String> backendNames() {
    String chosen = System.getProperty("vquant.test.backends");
    return BACKENDS.keySet().stream()
        .filter(name -> chosen == null || List.of(chosen.split(",", -1)).contains(name));
  }

  static KernelBackend open(String backendName) {
    return BACKENDS.get(backendName).get();
  }

  static Stream<Arguments> cases() {
    return backendNames()
        .flatMap(backend -> FAMILIES.stream().map(family -> Arguments.of(backend, family)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void logitsAndHiddenStates(String backendName, String family, TestReporter reporter)
      throws IOException {
    Path folder = SharedFolder.resolve("goldens").resolve(family);
    try (Arena arena = Arena.ofConfined();
        KernelBackend backend = open(backendName);
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      Golden golden = Golden.read(folder, arena);
      CausalLm model = loaded.model();
      int[] ids = golden.inputIds();
      HiddenStates states = new HiddenStates();
      float[][] logits;
      try (KvCache cache = model.newCache(ids.length, DType.F32)) {
        logits = logits(model, model.forward(ids, 0, ids.length, cache, states));
      }
      double limit = limit(backendName, golden);
      double difference = golden.difference("logits", logits);
      StringBuilder report = new StringBuilder(family + ": times float32 noise: logits ");
      report.append("%.2f".formatted(difference / golden.float32Noise()));
      assertThat(difference).as(report.toString()).isLessThanOrEqualTo(limit);
      assertThat(states.byIndex()).hasSize(loaded.config().numHiddenLayers() + 1);
      for (Map.Entry<Integer, float[][]> state : states.byIndex().entrySet()) {
        double distance = golden.difference("hidden." + state.getKey(), state.getValue());
        report.append(", hidden.").append(state.getKey()).append(' ');
        report.append("%.2f".formatted(distance / golden.float32Noise()));
        assertThat(distance).as(report.toString()).isLessThanOrEqualTo(limit);
      }
      reporter.publishEntry(report.toString());
    }
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("cases")
  void greedyTokens(String backendName, String family) throws IOException {
    Path folder = SharedFolder.resolve("goldens").resolve(family);
    try (Arena arena = Arena.ofConfined();
        KernelBackend backend = open(backendName);
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      Golden golden = Golden.read(folder, arena);
      CausalLm model = loaded.model();
      int[] prompt = golden.greedy("prompt_ids");
      int[] expected = golden.greedy("new_ids");
      int[] generated = new int[expected.length];
      try (KvCache cache = model.newCache(prompt.length + expected.length, DType.F32)) {
        Tensor hidden = model.forward(prompt, 0, prompt.length, cache, ForwardListener.NONE);
        hidden = hidden.rows(prompt.length - 1, 1);
        int agreed = 0;
        for (int i = 0; i < generated.length; i++) {
          float[] row = Rows.row(model.logits(hidden), 0);
          generated[i] = Rows.argmax(row);
          agreed += generated[i] == expected[i] ? 1 : 0;
          if (row[generated[i]] - row[expected[i]] <= tie(backendName, golden)) {
            generated[i] = expected[i];
          }
          hidden = model.forward(generated, i, 1, cache, ForwardListener.NONE);
        }
        // Logits that say nothing would tie with all others.
        assertThat(agreed).as("tokens without a tie").isGreaterThan(expected.length / 2);
      }
      assertThat(generated).isEqualTo(expected);
    }
  }

  /**
   * Backends in float32 stay near float32's noise. A GPU computes 16-bit weights in 16-bit
   * arithmetic, as transformers would: twice the error that it has there.
   */
  static double limit(String backendName, Golden golden) {
    double noise = TIMES_NOISE * golden.float32Noise();
    return backendName.equals("cuda") ? Math.max(noise, 2 * golden.errorAsStored()) : noise;
  }

  /** Two logits that are nearer than the error of both may change places. */
  private static double tie(String backendName, Golden golden) {
    return backendName.equals("cuda") ? 2 * golden.errorAsStored() : 0;
  }

  static float[][] logits(CausalLm model, Tensor hidden) {
    float[][] all = new float[hidden.rows()][];
    for (int first = 0; first < all.length; first += CausalLm.MAX_LOGITS_ROWS) {
      int count = Math.min(CausalLm.MAX_LOGITS_ROWS, all.length - first);
      float[][] part = Rows.copy(model.logits(hidden.rows(first, count)));
      System.arraycopy(part, 0, all, first, count);
    }
    return all;
  }
}
