package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bad tokenizers end with exit code 3, bad text with 4. */
final class TokenizerIT {
  private static final int BAD_MODEL = 3;
  private static final int BAD_INPUT = 4;
  private static final String TOKENIZER = "tokenizer.json";
  private static final int MEGABYTES_10 = 10_000_000;
  @TempDir private Path temp;

  private ModelFolder model() throws IOException {
    return ModelFolder.withoutWeights(temp.resolve("model"));
  }

  private static Cli.Outcome tokenize(ModelFolder model) {
    return Cli.onThisJava().run("tokenize", "-m", model.toString(), "hello");
  }

  @Test
  void missing() throws IOException {
    tokenize(model().delete(TOKENIZER)).failsWith(BAD_MODEL, TOKENIZER);
  }

  @Test
  void truncated() throws IOException {
    ModelFolder model = model();
    byte[] whole = Files.readAllBytes(model.file(TOKENIZER));
    tokenize(model.write(TOKENIZER, Arrays.copyOf(whole, whole.length / 2)))
        .failsWith(BAD_MODEL, TOKENIZER);
  }

  @Test
  void missingTokenizerStopsGenerateToo() throws IOException {
    ModelFolder model = ModelFolder.complete(temp.resolve("model")).delete(TOKENIZER);
    Cli.onThisJava()
        .run("generate", "-m", model.toString(), "hello")
        .failsWith(BAD_MODEL, TOKENIZER);
  }

  @Test
  void inspectTellsOfTheTokenizerOrItsDefect() throws IOException {
    ModelFolder model = ModelFolder.complete(temp.resolve("model"));
    Cli cli = Cli.onThisJava();
    String[] args = {"inspect", "-m", model.toString()};
    assertThat(cli.run(args).succeeds().out())
        .containsPattern("tokenizer +4096 tokens, ids to 4095, begins with ");
    model.write(TOKENIZER, "{}");
    cli.run(args).failsWith(BAD_MODEL, TOKENIZER);
    model.delete(TOKENIZER);
    assertThat(cli.run(args).succeeds().out()).containsPattern("tokenizer +none\n");
    assertThat(cli.run("inspect", "-m", model.toString(), "--json").succeeds().out())
        .contains("\"tokenizer\":null");
    model.write("tokenizer.model", "x");
    cli.run(args).failsWith(BAD_MODEL, "tokenizer.model");
  }

  @Test
  void idsBeyondTheModelsVocabulary() throws IOException {
    ModelFolder model = ModelFolder.complete(temp.resolve("model"));
    model.replace(
        TOKENIZER,
        "\"added_tokens\": [",
        "\"added_tokens\": [{\"id\":4096,\"content\":\"zyzzyva\",\"single_word\":false,\"lstrip\":false,"
            + "\"rstrip\":false,\"normalized\":false,\"special\":false},");
    Cli.onThisJava()
        .run("generate", "-m", model.toString(), "a zyzzyva b")
        .failsWith(BAD_MODEL, TOKENIZER, "4096");
  }

  @Test
  void tenMegabytesOfOneLetterTakeLinearTime() {
    byte[] letters = new byte[MEGABYTES_10];
    Arrays.fill(letters, (byte) 'a');
    Cli.Outcome outcome = Cli.onThisJava().runWithInput(letters, "tokenize").succeeds();
    assertThat(outcome.out().chars().filter(c -> c == ',').count()).isGreaterThan(100_000);
  }

  @Test
  void tooLongForTheContextSaysHowLong() {
    byte[] letters = new byte[100_000];
    Arrays.fill(letters, (byte) 'x');
    Cli.onThisJava().runWithInput(letters, "generate").failsWith(BAD_INPUT, "8192");
  }

  @ParameterizedTest
  @ValueSource(strings = {"generate", "tokenize"})
  void invalidUtf8NamesItsPlace(String command) {
    byte[] bytes = {'a', 'b', (byte) 0xc3, '('};
    Cli.onThisJava().runWithInput(bytes, command).failsWith(BAD_INPUT, "stdin", "0xc3", "offset 2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"generate", "tokenize"})
  void loneSurrogateIsNotUtf8(String command) {
    byte[] bytes = {'a', (byte) 0xed, (byte) 0xa0, (byte) 0x80, 'b'};
    Cli.onThisJava().runWithInput(bytes, command).failsWith(BAD_INPUT, "stdin", "offset 1");
  }

  @Test
  void textSurvivesTheWayThereAndBack() {
    String text = "Grüße, 世界 🦊!\nİstanbul";
    Cli cli = Cli.onThisJava();
    String ids =
        cli.runWithInput(text.getBytes(StandardCharsets.UTF_8), "tokenize")
            .succeeds()
            .out()
            .strip();
    assertThat(cli.run("tokenize", "--decode", ids).succeeds().out()).isEqualTo(text + "\n");
  }
}
