package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.tensor.Device;
import io.vquant.model.MalformedConfigException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineOpeningTest {
  @TempDir Path directory;

  /** The bundled model with one file's text changed. */
  private Path changed(String fileName, String from, String to) throws IOException {
    try (Stream<Path> files = Files.list(TestModels.tiny())) {
      files.forEach(this::link);
    }
    Path file = directory.resolve(fileName);
    String text = Files.readString(file);
    assertThat(text).contains(from);
    Files.delete(file);
    Files.writeString(file, text.replace(from, to));
    return directory;
  }

  private void link(Path file) {
    try {
      Files.copy(file, directory.resolve(file.getFileName()));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  @Test
  void aContextBeyondTheModelsLimitIsRefusedWithBothNumbers() {
    EngineOptions options = TestModels.options(TestModels.tiny()).withContextLength(8193);
    assertThatThrownBy(() -> Engine.open(options))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("context 8193: the model's limit is 8192");
  }

  @Test
  void aContextThatMemoryCannotHoldIsRefusedBeforeAllocation() throws IOException {
    Path model = changed("config.json", "8192", "1000000000");
    assertThatThrownBy(() -> Engine.open(TestModels.options(model)))
        .isInstanceOfSatisfying(
            NotEnoughMemoryException.class,
            failure -> {
              assertThat(failure.askedBytes()).isGreaterThan(failure.availableBytes());
              assertThat(failure)
                  .hasMessageContaining("1000000000 tokens of context")
                  .hasMessageContaining("available")
                  .message()
                  .doesNotContain("\n");
            });
    try (Engine engine = Engine.open(TestModels.options(model).withContextLength(128))) {
      assertThat(engine.contextLength()).isEqualTo(128);
    }
  }

  @Test
  void withoutATokenizerThereAreTokensButNoText() {
    EngineOptions options =
        EngineOptions.of(TestModels.tiny(), null)
            .withDevice(Device.REFERENCE)
            .withContextLength(64);
    try (Engine engine = Engine.open(options);
        GenerationSession session = engine.newSession()) {
      GenerationRequest.Builder request =
          GenerationRequest.builder(new int[] {0, 501, 694}).maxTokens(2);
      GenerationResult result = session.generate(request.build());
      assertThat(result.tokenIds()).hasSize(2);
      assertThat(result.text()).isEmpty();
      assertThatThrownBy(engine::tokenizer).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(
              () -> session.generate(request.stopStrings(java.util.List.of("x")).build()))
          .hasMessage("stop text \"x\": needs a tokenizer");
    }
  }

  @Test
  void loadingTellsItsProgressToTheEnd() {
    AtomicLong last = new AtomicLong();
    EngineOptions options =
        TestModels.options(TestModels.tiny())
            .withContextLength(64)
            .withLoadProgress((done, total) -> last.set(total - done));
    last.set(-1);
    try (Engine engine = Engine.open(options)) {
      assertThat(last).hasValue(0);
      assertThat(engine.parameterCount()).isBetween(6_900_000L, 7_000_000L);
      assertThat(engine.memoryPlan().weightByteSize()).isBetween(13_800_000L, 14_000_000L);
      assertThat(engine.memoryPlan().tokens()).isEqualTo(64);
    }
  }

  @Test
  void aDamagedTokenizerIsReportedAsSuch() throws IOException {
    Path model = changed("tokenizer.json", "{", "[");
    assertThatThrownBy(() -> Engine.open(TestModels.options(model)))
        .isInstanceOf(io.vquant.tokenizer.MalformedTokenizerException.class);
  }

  @Test
  void aDamagedGenerationConfigIsReportedAsSuch() throws IOException {
    Path model =
        changed("generation_config.json", "\"use_cache\"", "\"top_p\": 1.5, \"use_cache\"");
    assertThatThrownBy(() -> Engine.open(TestModels.options(model)))
        .isInstanceOf(MalformedConfigException.class)
        .hasMessageEndingWith("generation_config.json: top_p is 1.5, expected a number of 0 to 1");
  }
}
