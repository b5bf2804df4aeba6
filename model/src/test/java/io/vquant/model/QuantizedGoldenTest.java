package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.quant.UnfitSchemeException;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import io.vquant.weights.Checkpoint;
import io.vquant.weights.ElementType;
import io.vquant.weights.StoredTensor;
import io.vquant.weights.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family, quantized while it is loaded, against a model whose weights were dequantized first
 * and written as F32: the logits differ by float32 rounding only. Prefill and decode.
 */
class QuantizedGoldenTest {
  private static final double TIMES_NOISE = 4;

  /**
   * Tensor cores cut sums off, at a bit more or less, where float32 arithmetic rounds them to the
   * nearest: up to four times the noise.
   */
  private static final double TIMES_TENSOR_CORE_NOISE = 16;

  /** FP16 has 13 bits less than float32: 2^13 times the noise of each product. */
  private static final double F16_NOISE = 0x1p13;

  /** Its rows are of 144, 200 and 720 weights: no whole groups of 32. */
  private static final String UNFIT = "llama-heads9-d80-sharded-bf16";

  @TempDir private Path temporary;

  static Stream<Arguments> cases() {
    return Stream.of(
            "llama-biases-f32",
            "llama-gqa-tied-bf16",
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
            "smollm3-nope-bf16")
        .flatMap(family ->
            Stream.of("q8", "q4", "q4,outliers=2.5", "q4,head=q8", "q8,head=bf16,outliers=3")
                .map(policy -> Arguments.of(family, policy)));
  }

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

  static Stream<Arguments> casesOfBackends() {
    String chosen = System.getProperty("vquant.test.backends");
    return Stream.of("cpu", "cuda")
        .filter(name -> chosen == null || List.of(chosen.split(",", -1)).contains(name))
        .flatMap(name ->
            cases().map(arguments -> Arguments.of(name, arguments.get()[0], arguments.get()[1])));
  }

  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("casesOfBackends")
  void equalsTheModelDequantizedFirst(String backendName, String family, String text)
      throws IOException {
    Path folder = SharedFolder.resolve("goldens").resolve(family);
    WeightPolicy policy = WeightPolicy.parse(text);
    Path dequantized = temporary.resolve("dequantized");
    writeDequantized(folder, dequantized, policy);
    try (Arena arena = Arena.ofConfined();
        KernelBackend backend =
            backendName.equals("cuda") ? openCuda() : new CpuBackend(new BackendOptions(2));
        LoadedModel inCodes = ModelLoader.load(folder, backend, policy, LoadListener.NONE);
        LoadedModel plain = ModelLoader.load(dequantized, backend, LoadListener.NONE)) {
      Golden golden = Golden.read(folder, arena);
      int[] ids = golden.inputIds();
      assertThat(inCodes.weightMemory().quantizedElements()).isPositive();
      float[][] expected = logits(plain.model(), ids, ids.length);
      boolean onDevice = backendName.equals("cuda");
      double limit = (onDevice ? TIMES_TENSOR_CORE_NOISE : TIMES_NOISE) * golden.float32Noise();
      assertWithin(family + " decode", logits(inCodes.model(), ids, 1), expected, limit);
      double prefillLimit = onDevice ? deviceLimit(golden) : limit;
      assertWithin(
          family + " prefill", logits(inCodes.model(), ids, ids.length), expected, prefillLimit);
    }
  }

  @Test
  void rowsThatAreNoWholeGroupsAreRefusedByName() {
    Path folder = SharedFolder.resolve("goldens").resolve(UNFIT);
    try (KernelBackend backend = new CpuBackend(new BackendOptions(1))) {
      assertThatThrownBy(
              () -> ModelLoader.load(folder, backend, WeightPolicy.parse("q4"), LoadListener.NONE))
          .isInstanceOf(UnfitSchemeException.class)
          .hasMessageContaining("model.embed_tokens.weight")
          .hasMessageContaining("rows of 144 weights are not whole groups of 32");
    }
  }

  /**
   * A GPU multiplies many rows as FP16: no worse than twice what transformers loses in the 16-bit
   * type of a family, or where it is stored in F32, {@link #F16_NOISE} times float32's noise.
   */
  private static double deviceLimit(Golden golden) {
    double asStored = golden.errorAsStored();
    return Math.max(2 * asStored, F16_NOISE * golden.float32Noise());
  }

  private static float[][] logits(CausalLm model, int[] ids, int chunk) {
    float[][] all = new float[ids.length][];
    try (KvCache cache = model.newCache(ids.length, DType.F32)) {
      for (int first = 0; first < ids.length; first += chunk) {
        Tensor hidden = model.forward(ids, first, chunk, cache, ForwardListener.NONE);
        for (int row = 0; row < chunk; row++) {
          all[first + row] = Rows.row(model.logits(hidden.rows(row, 1)), 0);
        }
      }
    }
    return all;
  }

  private static void assertWithin(
      String what, float[][] actual, float[][] expected, double limit) {
    double difference = 0;
    for (int row = 0; row < expected.length; row++) {
      for (int i = 0; i < expected[row].length; i++) {
        double distance = Math.abs((double) actual[row][i] - expected[row][i]);
        difference = Math.max(difference, Double.isNaN(distance) ? Double.MAX_VALUE : distance);
      }
    }
    assertThat(difference).as(what).isLessThanOrEqualTo(limit);
  }

  /** The folder with every matrix that the policy quantizes as the F32 that its codes stand for. */
  private static void writeDequantized(Path folder, Path target, WeightPolicy policy)
      throws IOException {
    Files.createDirectory(target);
    Files.copy(folder.resolve("config.json"), target.resolve("config.json"));
    SafetensorsWriter writer = new SafetensorsWriter();
    try (KernelBackend reference = new ReferenceBackend();
        Arena arena = Arena.ofConfined();
        Checkpoint checkpoint = Checkpoint.open(folder)) {
      for (StoredTensor stored : checkpoint.weights().tensors()) {
        Optional<QuantScheme> scheme =
            stored.shape().size() == 2 ? policy.schemeOf(stored.name()) : Optional.empty();
        if (scheme.isEmpty()) {
          writer.add(stored);
        } else {
          QuantizedWeight weight =
              reference.quantize(matrix(stored), scheme.get(), QuantizeListener.NONE);
          writer.add(stored.name(), ElementType.F32, stored.shape(), floats(weight, arena));
        }
      }
      writer.write(target.resolve("model.safetensors"));
    }
  }

  private static Tensor matrix(StoredTensor stored) {
    DType dtype = DType.valueOf(stored.type().code());
    int rows = Math.toIntExact(stored.shape().get(0));
    int columns = Math.toIntExact(stored.shape().get(1));
    return new Tensor(
        new HostStorage(Device.REFERENCE, stored.data()), dtype, Layout.dense(rows, columns));
  }

  private static MemorySegment floats(QuantizedWeight weight, Arena arena) {
    float[] row = new float[weight.columns()];
    MemorySegment all = arena.allocate(4L * weight.rows() * weight.columns(), 4);
    for (int r = 0; r < weight.rows(); r++) {
      weight.dequantizeRow(row, 0, r);
      MemorySegment.copy(
          row, 0, all, ValueLayout.JAVA_FLOAT, 4L * r * weight.columns(), row.length);
    }
    return all;
  }

  /** Whether lists of names and policies cover what is there. */
  @Test
  void everyFamilyIsNamed() throws IOException {
    try (Stream<Path> folders = Files.list(SharedFolder.resolve("goldens"))) {
      List<String> there =
          folders
              .filter(folder -> Files.exists(folder.resolve("config.json")))
              .map(folder -> String.valueOf(folder.getFileName()))
              .filter(name -> !name.equals(UNFIT))
              .toList();
      assertThat(cases().map(arguments -> (String) arguments.get()[0]).distinct())
          .containsExactlyInAnyOrderElementsOf(there);
    }
  }
}
