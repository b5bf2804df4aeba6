package io.vquant.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
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

  private static JsonText text(String json) {
    return new JsonText(FILE, json.getBytes(StandardCharsets.UTF_8));
  }

  private static JsonReader reader(String json) {
    return text(json).reader(0);
  }

  private static Object read(String json) {
    JsonReader reader = reader(json);
    Object value = reader.value();
    reader.requireEnd();
    skip(json);
    return List.of(value == null ? "null" : value);
  }

  private static void skip(String json) {
    JsonReader reader = reader(json);
    reader.skip();
    reader.requireEnd();
  }

  private static void assertRefused(String json, String says) {
    for (ThrowingCallable way : List.<ThrowingCallable>of(() -> read(json), () -> skip(json))) {
      assertThatThrownBy(way)
          .isInstanceOf(MalformedTokenizerException.class)
          .hasMessageStartingWith("file.json")
          .hasMessageContaining(says)
          .hasMessageNotContaining("\n");
    }
  }

  private static Object jackson(String json) {
    Object value = JACKSON.readValue(json, Object.class);
    return List.of(value == null ? "null" : value);
  }

  @Test
  void readsEveryKindOfValue() {
    assertThat(
            reader(
                    " {\"a\": [1, -0, 2.5e-1, 12345678901234567890, true, false, null],"
                        + " \"\\u0041\\n\\\"\": \"\ud83d\ude42\\ud83d\\ude42\", \"a\": {}} ")
                .value())
        .isEqualTo(Map.of("a", Map.of(), "A\n\"", "\ud83d\ude42\ud83d\ude42"));
    assertThat(reader("[1, -0, 2.5e-1, 12345678901234567890]").value())
        .isEqualTo(List.of(1L, 0L, 0.25, new java.math.BigInteger("12345678901234567890")));
    assertThat(reader("[9223372036854775807, -9223372036854775808]").value())
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
    assertRefused(json, "");
  }

  @Test
  void namesThePlace() {
    assertRefused("{\"a\": 1,\n \"b\": ?}", "'?' (line 2, column 7)");
    assertRefused("{\"a\": 1,\n \"\u00e9\u4e00\": \u0120}", "U+120 (line 2, column 8)");
    assertRefused("[\"\ud83d\ude42\"\ud83d\ude42", "U+d83d (line 1, column 6)");
    assertRefused("[1, ", "the end of the file (line 1, column 5)");
  }

  @Test
  void boundsDepthAndNumbers() {
    assertThat(read("[".repeat(100) + "]".repeat(100))).isNotNull();
    assertRefused(
        "[".repeat(101) + "]".repeat(101), "nesting deeper than 100 (line 1, column 102)");
    assertRefused("{\"a\":".repeat(101), "nesting deeper than 100 (line 1, column 502)");
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
        assertThatThrownBy(() -> skip(json))
            .as("seed %d, passed over: %s", seed, json)
            .isInstanceOf(MalformedTokenizerException.class);
        continue;
      }
      assertThat(String.valueOf(read(json))).as("seed %d", seed).isEqualTo(expected.toString());
    }
    assertThat(Arrays.asList(read(whole))).isNotEmpty();
  }

  @Test
  void saysWhereMembersAre() {
    String json = " {\"a\" : [{\"no\": 1}, 2], \"\\u0062\":3 ,\"c\":{\"no\":{}}}";
    JsonReader reader = reader(json);
    MemberPlaces members = reader.skipObject();
    reader.requireEnd();
    List<Object> found = new ArrayList<>();
    for (int i = 0; i < members.count(); i++) {
      found.add(text(json).string(members.name(i)));
      found.add(text(json).reader(members.value(i)).value());
    }
    assertThat(found)
        .isEqualTo(
            List.of("a", List.of(Map.of("no", 1L), 2L), "b", 3L, "c", Map.of("no", Map.of())));
  }
}
