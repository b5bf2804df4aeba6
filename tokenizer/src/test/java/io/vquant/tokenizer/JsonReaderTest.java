package io.vquant.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The reader against Jackson: what one accepts the other accepts, with the same values. */
class JsonReaderTest {
  private static final Path FILE = Path.of("file.json");
  private static final JsonMapper JACKSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private static Object read(String json) {
    JsonReader reader = new JsonReader(FILE, json);
    Object value = reader.value();
    reader.requireEnd();
    JsonReader skipping = new JsonReader(FILE, json);
    skipping.skip();
    skipping.requireEnd();
    return List.of(value == null ? "null" : value);
  }

  private static Object jackson(String json) {
    Object value = JACKSON.readValue(json, Object.class);
    return List.of(value == null ? "null" : value);
  }

  @Test
  void readsEveryKindOfValue() {
    assertThat(
            new JsonReader(
                    FILE,
                    " {\"a\": [1, -0, 2.5e-1, 12345678901234567890, true, false, null],"
                        + " \"\\u0041\\n\\\"\": \"\ud83d\ude42\\ud83d\\ude42\", \"a\": {}} ")
                .value())
        .isEqualTo(Map.of("a", Map.of(), "A\n\"", "\ud83d\ude42\ud83d\ude42"));
    assertThat(new JsonReader(FILE, "[1, -0, 2.5e-1, 12345678901234567890]").value())
        .isEqualTo(List.of(1L, 0L, 0.25, new java.math.BigInteger("12345678901234567890")));
    assertThat(new JsonReader(FILE, "[9223372036854775807, -9223372036854775808]").value())
        .isEqualTo(List.of(Long.MAX_VALUE, Long.MIN_VALUE));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[1,]",
        "{,}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{1:2}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "tru",
        "nul",
        "[1 2]",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "1 2",
        "[",
        "{\"a\":",
        "'a'",
        "NaN",
        "[1]]",
        "\u00a01",
        "\"\\u\u0661234\""
      })
  void refusesWhatIsNotJson(String json) {
    assertThatThrownBy(() -> read(json))
        .isInstanceOf(MalformedTokenizerException.class)
        .hasMessageStartingWith("file.json")
        .hasMessageNotContaining("\n");
  }

  @Test
  void namesThePlace() {
    assertThatThrownBy(() -> read("{\"a\": 1,\n \"b\": ?}"))
        .hasMessageContaining("'?' (line 2, column 7)");
  }

  @Test
  void boundsDepthAndNumbers() {
    assertThat(read("[".repeat(100) + "]".repeat(100))).isNotNull();
    assertThatThrownBy(() -> read("[".repeat(101) + "]".repeat(101)))
        .hasMessageContaining("nesting deeper than 100");
    assertThatThrownBy(() -> read("[1e999]")).hasMessageContaining("out of range");
    assertThatThrownBy(() -> read("1".repeat(1001))).hasMessageContaining("1001 characters");
  }

  @Test
  void agreesWithJacksonOnDamagedText() {
    String whole =
        "{\"version\":\"1.0\",\"x\":null,\"list\":[{\"id\":0,\"content\":\"<|a|>\",\"special\":true},"
            + "[-1.5,2E+3,0.25,7]],\"model\":{\"vocab\":{\"\u0120a\":0,\"\\u0120b\":1,\"c\\\\\":12},"
            + "\"merges\":[\"a b\",[\"c\",\"d\"]]}} ";
    String alphabet = "{}[]\",:\\ut0123456789.eE+- \nfalsn\u0120";
    for (int seed = 0; seed < 5000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      StringBuilder damaged = new StringBuilder(whole);
      for (int i = random.nextInt(3); i >= 0; i--) {
        int at = random.nextInt(damaged.length());
        char c = alphabet.charAt(random.nextInt(alphabet.length()));
        switch (random.nextInt(3)) {
          case 0 -> damaged.setCharAt(at, c);
          case 1 -> damaged.insert(at, c);
          default -> damaged.deleteCharAt(at);
        }
      }
      String json = damaged.toString();
      Object expected = null;
      try {
        expected = jackson(json);
      } catch (JacksonException refused) {
        assertThatThrownBy(() -> read(json))
            .as("seed %d: %s", seed, json)
            .isInstanceOf(MalformedTokenizerException.class);
        continue;
      }
      assertThat(String.valueOf(read(json))).as("seed %d", seed).isEqualTo(expected.toString());
    }
    assertThat(Arrays.asList(read(whole))).isNotEmpty();
  }
}
