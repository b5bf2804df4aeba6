package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.weights.StoredTensor;
import io.vquant.weights.safetensors.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogitsFileTest {
  private static final String FAMILY = "llama-gqa-tied-bf16";

  @TempDir Path directory;

  private static Path model() {
    return TestModels.shared().resolve("goldens").resolve(FAMILY);
  }

  private static Map<String, StoredTensor> tensors(Path file, Arena arena) {
    return SafetensorsFile.open(file, arena).tensors();
  }

  @Test
  void holdsTheRecordedLogitsAndHiddenStates() throws IOException {
    float noise = TestModels.golden(FAMILY + "/golden.json").get("float32_noise").floatValue();
    Path file = directory.resolve("out.safetensors");
    Files.writeString(file, "what was there before");
    try (Arena arena = Arena.ofConfined()) {
      Map<String, StoredTensor> expected = tensors(model().resolve("golden.safetensors"), arena);
      StoredTensor ids = expected.get("input_ids");
      int[] tokens = new int[(int) ids.elementCount()];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = (int) ids.data().getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i);
      }
      EngineOptions options = EngineOptions.of(model(), null).withThreads(2);
      try (Engine engine = Engine.open(options.withKvPolicy(KvPolicy.plain(DType.F32)))) {
        engine.writeLogits(file, tokens, true, GenerationListener.NONE);
      }
      Map<String, StoredTensor> written = tensors(file, arena);
      assertThat(written).containsOnlyKeys(expected.keySet());
      assertThat(written.get("input_ids").data().mismatch(ids.data())).isEqualTo(-1);
      for (StoredTensor tensor : expected.values()) {
        if (!tensor.name().equals("input_ids")) {
          assertClose(written.get(tensor.name()), tensor, 4 * noise);
        }
      }
    }
    assertThat(fileNames()).containsExactly("out.safetensors");
  }

  private static void assertClose(StoredTensor actual, StoredTensor expected, float tolerance) {
    assertThat(actual.shape()).isEqualTo(expected.shape());
    for (long i = 0; i < expected.elementCount(); i++) {
      assertThat(actual.floatAt(i))
          .as("%s element %d", expected.name(), i)
          .isCloseTo(expected.floatAt(i), within(tolerance));
    }
  }

  private Stream<String> fileNames() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(path -> path.getFileName().toString()).toList().stream();
    }
  }

  @Test
  void refusesTokensThatDoNotFitAndLeavesNothing() throws IOException {
    Path file = directory.resolve("out.safetensors");
    try (Engine engine = Engine.open(EngineOptions.of(model(), null).withContextLength(4))) {
      assertThatThrownBy(() -> engine.writeLogits(file, new int[5], true, GenerationListener.NONE))
          .isInstanceOf(InvalidPromptException.class)
          .hasMessage("5 tokens: expected 1 to 4, the context");
      assertThatThrownBy(
              () -> engine.writeLogits(file, new int[] {512}, false, GenerationListener.NONE))
          .isInstanceOf(InvalidPromptException.class);
    }
    assertThat(fileNames()).isEmpty();
  }
}
