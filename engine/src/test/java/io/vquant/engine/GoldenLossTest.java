package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.eval.WindowLoss;
import io.vquant.eval.WindowProtocol;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Losses of whole windows, against those recorded with transformers in float32. */
class GoldenLossTest {
  private static final Percentage TOLERANCE = Percentage.withPercentage(0.05);

  private static void checkWindows(
      Engine engine, WindowProtocol protocol, int[] text, JsonNode golden, int windows) {
    int tokens = golden.get("context").intValue();
    int scored = golden.get("scored_per_window").intValue();
    try (EngineTokenScorer scorer = engine.newTokenScorer()) {
      for (int window = 0; window < windows; window++) {
        WindowLoss loss = protocol.score(scorer, text, tokens, window, OptionalInt.empty());
        assertThat(loss.scoredTokens()).isEqualTo(scored);
        assertThat(loss.nllSum())
            .as("%s window %d", protocol, window)
            .isCloseTo(golden.get("nll_sum_per_window").get(window).doubleValue(), TOLERANCE);
      }
    }
  }

  /**
   * Enough of a text's beginning for some windows. The file's lines end in CR LF; the losses were
   * recorded from Python, which reads that as LF.
   */
  private static String beginning(Path file, int chars) throws IOException {
    String text = Files.readString(file).replace("\r\n", "\n");
    return text.substring(0, Math.min(chars, text.length()));
  }

  @Test
  void bundledModelOnItsStories() throws IOException {
    Path stories = TestModels.shared().resolve("goldens/vquant-tiny-stories.txt");
    JsonNode golden = TestModels.golden("vquant-tiny.json").get("stories");
    EngineOptions options = TestModels.options(TestModels.tiny()).withContextLength(2048);
    try (Engine engine = Engine.open(options)) {
      int[] text = engine.tokenizer().encode(Files.readString(stories));
      assertThat(text).hasSize(golden.get("tokens").intValue());
      checkWindows(engine, WindowProtocol.GPTQ, text, golden, 3);
    }
  }

  @Test
  void smolLm2OnWikitext() throws IOException {
    Path wikitext = TestModels.shared().resolve("data/wiki.test.raw");
    JsonNode golden = TestModels.golden("smollm2.json").get("wikitext2");
    EngineOptions options = TestModels.options(TestModels.smolLm2()).withContextLength(2048);
    try (Engine engine = Engine.open(options)) {
      int[] text = engine.tokenizer().encode(beginning(wikitext, 40_000));
      assertThat(text).startsWith(TestModels.ints(golden.get("first_ids")));
      checkWindows(engine, WindowProtocol.LLAMA_CPP, text, golden.get("llama_cpp_protocol"), 4);
      checkWindows(engine, WindowProtocol.GPTQ, text, golden.get("gptq_protocol"), 2);
    }
  }
}
