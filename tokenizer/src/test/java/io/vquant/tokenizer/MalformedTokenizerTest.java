package io.vquant.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that are missing or damaged: one line that names file, field, expected, found. */
class MalformedTokenizerTest {
  @TempDir Path dir;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|the end of the file",
        "[]|an array",
        "{|JSON",
        "{}|model.vocab",
        "<!DOCTYPE html>|JSON",
        "version https://git-lfs.github.com/spec/v1|Git-LFS",
        "{\"model\":[]}|model: expected an object",
        "{\"model\":{}}|model.vocab",
        "{\"model\":{\"vocab\":{}}}|at least one token",
        "{\"model\":{\"vocab\":7}}|model.vocab",
        "{\"model\":{\"vocab\":{\"a\":-1}}}|found -1",
        "{\"model\":{\"vocab\":{\"a\":0.5}}}|a fraction",
        "{\"model\":{\"vocab\":{\"a\":99999999999999999999}}}|model.vocab['a']",
        "{\"model\":{\"vocab\":{\"a\":2000000000}}}|found 2000000000",
        "{\"model\":{\"vocab\":{\"a\":0,\"b\":0}}}|id 0 for both 'a' and 'b'",
        "{\"model\":{\"vocab\":[[1,2]]}}|model.vocab[0]",
        "{\"model\":{\"vocab\":{\"a\":0}}} x|JSON",
        "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":3}|added_tokens: expected an array",
        "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":[{\"id\":1}]}|added_tokens[0].content",
        "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":[{\"content\":\"x\"}]}|added_tokens[0].id",
        "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":[{\"id\":3,\"content\":\"a\"}]}|added_tokens[0].id: expected 0",
        "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"continuing_subword_prefix\":\"##\"}}|model.continuing_subword_prefix",
        "{\"model\":{\"vocab\":{\"a\":0}},\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}}]}]}}|post_processor.processors[0].single: expected tokens of special_tokens, found '<s>'",
        "{\"model\":{\"type\":\"Nonsense\",\"vocab\":{\"a\":0}}}|accepts",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}|accepts",
      })
  void refusesInOneLine(String json, String says) throws IOException {
    Path file = Files.writeString(dir.resolve("tokenizer.json"), json);
    assertRefused(dir, file, says);
    assertRefused(file, file, says);
  }

  @Test
  void refusesAddedIdsThatTheLibraryWouldChange() throws IOException {
    Path golden = SharedTokenizers.shared("goldens/tokenizers/byte-level-qwen/tokenizer.json");
    String json = JsonFile.readText(golden).replaceFirst("\"id\": ?1204", "\"id\":1300");
    Path file = Files.writeString(dir.resolve("tokenizer.json"), json);
    assertRefused(
        dir, file, "added_tokens[4].id: expected 1204 for '<think>', the next free id, found 1300");
  }

  @Test
  void refusesAFileCutAnywhere() throws IOException {
    byte[] whole =
        Files.readAllBytes(SharedTokenizers.shared("goldens/tokenizers/unigram/tokenizer.json"));
    Path file = dir.resolve("tokenizer.json");
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 40; i++) {
      byte[] cut = java.util.Arrays.copyOf(whole, random.nextInt(whole.length - 1));
      Files.write(file, cut);
      assertRefused(dir, file, "");
    }
  }

  @Test
  void damagedBytesAreRefusedOrRead() throws IOException {
    byte[] whole =
        Files.readAllBytes(
            SharedTokenizers.shared("goldens/tokenizers/sentencepiece-bpe/tokenizer.json"));
    Path file = dir.resolve("tokenizer.json");
    for (int seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      byte[] damaged = whole.clone();
      for (int i = random.nextInt(4); i >= 0; i--) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      Files.write(file, damaged);
      try (Tokenizer tokenizer = Tokenizer.open(dir, SharedTokenizers.NATIVE_CACHE)) {
        assertThat(tokenizer.encode("text")).as("seed %d", seed).isNotNull();
      } catch (MalformedTokenizerException e) {
        assertThat(e)
            .as("seed %d", seed)
            .hasMessageStartingWith(file.toString())
            .hasMessageNotContaining("\n");
      }
    }
  }

  @Test
  void refusesWhatIsNoFile() throws IOException {
    assertRefused(dir, dir.resolve("tokenizer.json"), "no such file");
    Files.write(dir.resolve("tokenizer.model"), new byte[] {1});
    assertRefused(dir, dir.resolve("tokenizer.json"), "tokenizer.model");
    Files.createDirectory(dir.resolve("tokenizer.json"));
    assertRefused(dir, dir.resolve("tokenizer.json"), "a directory");
  }

  @Test
  void refusesBytesThatAreNotUtf8() throws IOException {
    Path file =
        Files.write(
            dir.resolve("tokenizer.json"),
            "{\"a\":\"\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1));
    assertRefused(dir, file, "UTF-8");
  }

  @Test
  void refusesDeepNesting() throws IOException {
    Path file =
        Files.writeString(dir.resolve("tokenizer.json"), "{\"decoder\":" + "[".repeat(100_000));
    assertRefused(dir, file, "JSON");
  }

  /** Each of these would make the Rust library end the process. */
  @ParameterizedTest
  @ValueSource(strings = {"\\ud800", "\\uDC00", "\\ud800\\ud800", "\\ud83d\\u0041"})
  void refusesHalfASurrogatePairInTheDecoder(String escape) throws IOException {
    Path file = withDecoderField("\"" + escape + "\"");
    assertRefused(dir, file, "surrogate");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e999", "[[[[1]]]]"})
  void refusesNumbersAndNestingThatTheLibraryCannotRead(String inner) throws IOException {
    String value = inner.startsWith("[") ? "[".repeat(140) + "]".repeat(140) : inner;
    Path file = withDecoderField(value);
    assertRefused(dir, file, "JSON");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"\\ud83d\\uDE42\": 1, \"\\\\ud800\": 2, \"\\u0120\": 3} | -1",
        "\"\\\\\\ud800\" | 3",
        "\"\\ud83d\\ud83d\\ude42\" | 1",
        "\"\\ud83d\\ude42\\ude42\" | 13",
        "\"\\ud83d \\ude42\" | 1",
        "\"\\ud83d\\n\\ude42\" | 1",
        "{\"\\udc00\": \"\\ud800\"} | 2"
      })
  void halvesOfSurrogatePairsInEscapesAreFound(String json, int place) {
    JsonReader reader =
        new JsonText(dir.resolve("tokenizer.json"), json.getBytes(StandardCharsets.UTF_8))
            .reader(0);
    reader.skip();
    assertThat(reader.loneSurrogate()).as(json).isEqualTo(place);
  }

  @Test
  void refusesADamagedConfiguration() throws IOException {
    Files.copy(
        SharedTokenizers.shared("goldens/tokenizers/unigram/tokenizer.json"),
        dir.resolve("tokenizer.json"));
    Path config = Files.writeString(dir.resolve("tokenizer_config.json"), "{\"bos_token\": 7}");
    assertRefused(dir, config, "bos_token: expected a string");
  }

  @Test
  void readsSpecialTokensInEveryForm() throws IOException {
    Files.copy(
        SharedTokenizers.shared("goldens/tokenizers/unigram/tokenizer.json"),
        dir.resolve("tokenizer.json"));
    Files.writeString(
        dir.resolve("tokenizer_config.json"),
        """
        {"bos_token": null, "eos_token": {"content": "</s>", "lstrip": false}, "unk_token": "<unk>", "cls_token": "[nowhere]",
         "add_bos_token": true, "additional_special_tokens": ["<x>", {"content": "<y>"}]}
        """);
    Files.writeString(
        dir.resolve("special_tokens_map.json"),
        "{\"pad_token\": \"<pad>\", \"unk_token\": \"<pad>\"}");
    try (Tokenizer tokenizer = Tokenizer.open(dir, SharedTokenizers.NATIVE_CACHE)) {
      assertThat(tokenizer.bosTokenId()).isEmpty();
      assertThat(tokenizer.eosTokenId()).hasValue(1);
      assertThat(tokenizer.unkTokenId()).hasValue(2);
      assertThat(tokenizer.padTokenId()).hasValue(0);
      assertThat(tokenizer.addsBosToken()).isFalse();
      assertThat(tokenizer.settings().addBosToken()).hasValue(true);
      assertThat(tokenizer.settings().addEosToken()).isEmpty();
      assertThat(tokenizer.settings().specialToken("cls_token")).hasValue("[nowhere]");
      assertThat(tokenizer.settings().additionalSpecialTokens()).containsExactly("<x>", "<y>");
    }
  }

  private Path withDecoderField(String value) throws IOException {
    return Files.writeString(
        dir.resolve("tokenizer.json"),
        "{\"model\":{\"vocab\":{\"a\":0}},\"decoder\":{\"type\":\"ByteLevel\",\"x\":"
            + value
            + "}}");
  }

  private static void assertRefused(Path open, Path named, String says) {
    assertThatThrownBy(() -> Tokenizer.open(open, SharedTokenizers.NATIVE_CACHE).close())
        .isInstanceOf(MalformedTokenizerException.class)
        .hasMessageStartingWith(named.toString())
        .hasMessageContaining(says)
        .hasMessageNotContaining("\n");
  }
}
