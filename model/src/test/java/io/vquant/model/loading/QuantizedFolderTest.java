package io.vquant.model.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.quant.UnfitSchemeException;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import io.vquant.model.MalformedConfigException;
import io.vquant.model.Rows;
import io.vquant.model.SharedFolder;
import io.vquant.weights.MalformedCheckpointException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders of weights in codes: written, read, damaged. */
final class QuantizedFolderTest {
  private static final String FAMILY = "qwen2-bias-tied-bf16";
  private static final int[] IDS = {3, 1, 4, 1, 5, 9, 2, 6};

  @TempDir private Path temporary;

  private static Path source() {
    return SharedFolder.resolve("goldens").resolve(FAMILY);
  }

  private Path written(String policy) throws IOException {
    Path target = temporary.resolve("quantized");
    try (KernelBackend backend = new CpuBackend(new BackendOptions(2));
        LoadedModel model =
            ModelLoader.load(source(), backend, WeightPolicy.parse(policy), LoadListener.NONE)) {
      QuantizedFolder.write(model, source(), target, WeightPolicy.parse(policy));
    }
    return target;
  }

  private static LoadedModel load(Path folder, KernelBackend backend, String policy) {
    WeightPolicy parsed = policy.isEmpty() ? WeightPolicy.STORED : WeightPolicy.parse(policy);
    return ModelLoader.load(folder, backend, parsed, LoadListener.NONE);
  }

  private static void loadAndClose(Path folder, String policy) {
    try (KernelBackend backend = new CpuBackend(new BackendOptions(1));
        LoadedModel model = load(folder, backend, policy)) {
      model.weightMemory();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"q4", "q8", "q4,group=32,outliers=2.5,head=q8", "q8,outliers=3,head=bf16"})
  void aWrittenFolderComputesTheSameBitsAsQuantizingOnLoad(String policy) throws IOException {
    Path folder = written(policy);
    try (KernelBackend backend = new CpuBackend(new BackendOptions(2));
        LoadedModel onLoad = load(source(), backend, policy);
        LoadedModel stored = load(folder, backend, "")) {
      assertThat(logits(stored.model())).isDeepEqualTo(logits(onLoad.model()));
      assertThat(stored.weightMemory()).isEqualTo(onLoad.weightMemory());
      assertThat(stored.config().storedWeights()).isEqualTo(WeightPolicy.parse(policy));
    }
    loadAndClose(folder, policy); // asking for what is stored is no mismatch
    assertThat(leftBeside(folder)).isEmpty();
  }

  private static float[][] logits(CausalLm model) {
    try (KvCache cache = model.newCache(IDS.length, DType.F32)) {
      Tensor hidden = model.forward(IDS, 0, IDS.length, cache, ForwardListener.NONE);
      return Rows.copy(model.logits(hidden));
    }
  }

  private static List<Path> leftBeside(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder.getParent())) {
      return files.filter(file -> !file.equals(folder)).toList();
    }
  }

  @Test
  void anotherSchemeThanTheStoredIsRefusedByName() throws IOException {
    Path folder = written("q4");
    assertThatThrownBy(() -> loadAndClose(folder, "q8"))
        .isInstanceOf(UnfitSchemeException.class)
        .hasMessageContaining("q8,group=32,outliers=off: the weights of ")
        .hasMessageEndingWith("are stored as q4,group=32,outliers=off");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "q4,group=32,outliers=off|q8,group=32,outliers=off|.codes",
        "q4,group=32,outliers=off|q4,group=64,outliers=off|rows of 160",
        "q4,group=32,outliers=off|q4,group=32,outliers=3|outlier_starts",
        "q4,group=32,outliers=off|q4,group=32,outliers=off,head=bf16|model.embed_tokens.weight",
      })
  void aConfigThatIsNotThatOfTheFilesIsRefused(String stored, String claimed, String named)
      throws IOException {
    Path folder = written("q4");
    replaceInConfig(folder, stored, claimed);
    assertThatThrownBy(() -> loadAndClose(folder, "")).hasMessageContaining(named);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"version\" : 1|\"version\" : 2|quantization_config.version",
        "\"version\" : 1|\"versions\" : 1|quantization_config.version",
        "q4,group=32,outliers=off|q3|quantization_config.weights",
        "q4,group=32,outliers=off|q4,group=33|quantization_config.weights",
        "\"vquant\"|\"gptq\"|quantization_config",
      })
  void aConfigOfAnotherKindIsRefused(String from, String to, String named) throws IOException {
    Path folder = written("q4");
    replaceInConfig(folder, from, to);
    assertThatThrownBy(() -> loadAndClose(folder, ""))
        .isInstanceOf(MalformedConfigException.class)
        .hasMessageContaining(named);
  }

  private static void replaceInConfig(Path folder, String from, String to) throws IOException {
    Path config = folder.resolve("config.json");
    String text = Files.readString(config);
    assertThat(text).contains(from);
    Files.writeString(config, text.replace(from, to));
  }

  @Test
  void aTruncatedFileIsRefused() throws IOException {
    Path folder = written("q4");
    Path file = folder.resolve("model.safetensors");
    try (RandomAccessFile weights = new RandomAccessFile(file.toFile(), "rw")) {
      weights.setLength(Files.size(file) - 100);
    }
    assertThatThrownBy(() -> loadAndClose(folder, ""))
        .isInstanceOf(MalformedCheckpointException.class)
        .hasMessageContaining("truncated");
  }

  @Test
  void anOutlierOutsideItsMatrixIsRefused() throws IOException {
    Path folder = written("q4,outliers=2");
    Path file = folder.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    String header = new String(bytes, StandardCharsets.ISO_8859_1);
    String name = "model.embed_tokens.weight.outlier_places\"";
    String offsets = header.substring(header.indexOf("data_offsets", header.indexOf(name)));
    int begin = Integer.parseInt(offsets.replaceFirst("(?s)^[^\\[]*\\[(\\d+),.*$", "$1"));
    int headerBytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(0);
    bytes[8 + headerBytes + begin + 3] = 0x7f;
    Files.write(file, bytes);
    assertThatThrownBy(() -> loadAndClose(folder, ""))
        .isInstanceOf(MalformedCheckpointException.class)
        .hasMessageContaining("model.embed_tokens.weight")
        .hasMessageContaining("outlier 0");
  }

  @Test
  void nothingIsLeftOfAFolderThatCouldNotBeWritten() throws IOException {
    Path target = temporary.resolve("quantized");
    Files.createDirectory(target);
    Files.writeString(target.resolve("mine.txt"), "not to be lost");
    assertThatThrownBy(() -> written("q4")).isInstanceOf(IOException.class);
    assertThat(Files.readString(target.resolve("mine.txt"))).isEqualTo("not to be lost");
    assertThat(leftBeside(target)).isEmpty();
  }

  @Test
  void weightsThatNoCodeCanHoldAreRefused() throws IOException {
    Path folder = temporary.resolve("infinite");
    Files.createDirectory(folder);
    Files.copy(source().resolve("config.json"), folder.resolve("config.json"));
    byte[] bytes = Files.readAllBytes(source().resolve("model.safetensors"));
    String header = new String(bytes, StandardCharsets.ISO_8859_1);
    int name = header.indexOf("model.layers.0.mlp.up_proj.weight\"");
    String offsets = header.substring(header.indexOf("data_offsets", name));
    int begin = Integer.parseInt(offsets.replaceFirst("(?s)^[^\\[]*\\[(\\d+),.*$", "$1"));
    int headerBytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(0);
    bytes[8 + headerBytes + begin + 2] = (byte) 0x80;
    bytes[8 + headerBytes + begin + 3] = 0x7f; // BF16 infinity
    Files.write(folder.resolve("model.safetensors"), bytes);
    assertThatThrownBy(() -> loadAndClose(folder, "q4"))
        .isInstanceOf(MalformedCheckpointException.class)
        .hasMessageContaining("model.layers.0.mlp.up_proj.weight")
        .hasMessageContaining("Infinity at row 0, column 1");
  }
}
