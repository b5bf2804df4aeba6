package io.vquant.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ids, tokens and texts as the Rust library and transformers recorded them. */
class TokenizerGoldenTest {
  static final List<String> GOLDENS = SharedTokenizers.GOLDENS;

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void encodesAndDecodesAsRecorded(String name) {
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      for (Map<?, ?> golden : SharedTokenizers.cases(name)) {
        String text = (String) golden.get("text");
        int[] ids = SharedTokenizers.ints(golden.get("ids"));
        assertThat(tokenizer.encodeWithControlTokens(text)).as(text).isEqualTo(ids);
        List<?> tokens = (List<?>) golden.get("tokens");
        for (int i = 0; i < ids.length; i++) {
          if (!tokenizer.token(ids[i]).equals("<unk>")) { // recorded as the text that is unknown
            assertThat(tokenizer.token(ids[i])).as(text).isEqualTo(tokens.get(i));
          }
        }
        assertThat(tokenizer.decode(ids, false)).as(text).isEqualTo(golden.get("decoded"));
        assertThat(tokenizer.decode(ids, true))
            .as(text)
            .isEqualTo(golden.get("decoded_skip_special"));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void textWithoutControlTokensHasTheRecordedIdsAsUserTextAndAsRawText(String name) {
    int compared = 0;
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      for (Map<?, ?> golden : SharedTokenizers.cases(name)) {
        String text = (String) golden.get("text");
        int[] ids = SharedTokenizers.ints(golden.get("ids"));
        if (Arrays.stream(ids)
                .anyMatch(id -> tokenizer.isControl(id) && !tokenizer.token(id).equals("<unk>"))
            || text.contains("<unk>")) {
          continue;
        }
        assertThat(tokenizer.encode(text)).as(text).isEqualTo(ids);
        assertThat(tokenizer.encodeRaw(text))
            .as(text)
            .isEqualTo(SharedTokenizers.ints(golden.get("ids_with_special")));
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(20);
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void typedControlTokensStayTextAndComeBackUnchanged(String name) {
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      for (Map<?, ?> golden : SharedTokenizers.cases(name)) {
        String text = (String) golden.get("text");
        int[] ids = tokenizer.encode(text);
        assertThat(Arrays.stream(ids))
            .as(text)
            .noneMatch(id -> tokenizer.isControl(id) && !tokenizer.token(id).equals("<unk>"));
        boolean typed = text.contains("<|end|>") || text.contains("</s>");
        if (typed && !name.equals("unigram")) { // whose small vocabulary has no token for '<'
          assertThat(tokenizer.decode(ids, true)).isEqualTo(text);
        }
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void knowsItsVocabulary(String name) {
    long recorded =
        (Long)
            JsonFile.readObject(
                    SharedTokenizers.shared("goldens/tokenizers")
                        .resolve(name)
                        .resolve("cases.json"))
                .get("vocab_size");
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      assertThat(tokenizer.vocabSize()).isEqualTo((int) recorded);
      assertThat(tokenizer.maxTokenId()).isEqualTo((int) recorded - 1);
      for (int id = 0; id <= tokenizer.maxTokenId(); id++) {
        assertThat(tokenizer.tokenId(tokenizer.token(id))).hasValue(id);
      }
    }
  }

  @Test
  void encodesThePromptsOfTheBundledModelAsTransformersDoes() {
    Map<String, ?> golden =
        JsonFile.readObject(SharedTokenizers.shared("goldens/vquant-tiny.json"));
    try (Tokenizer tokenizer = SharedTokenizers.model("vquant-tiny")) {
      for (Map<?, ?> entry : SharedTokenizers.maps(golden.get("token_ids"))) {
        assertThat(tokenizer.encodeWithControlTokens((String) entry.get("text")))
            .isEqualTo(SharedTokenizers.ints(entry.get("ids")));
      }
      for (Map<?, ?> entry : SharedTokenizers.maps(golden.get("greedy"))) {
        String text = (String) entry.get("text");
        int[] ids =
            entry.get("kind").equals("raw")
                ? tokenizer.encodeRaw(text)
                : tokenizer.encodeWithControlTokens(text);
        assertThat(ids).as(text).isEqualTo(SharedTokenizers.ints(entry.get("prompt_ids")));
        assertThat(tokenizer.decode(SharedTokenizers.ints(entry.get("new_ids")), false))
            .isEqualTo(entry.get("new_text"));
      }
      assertThat(tokenizer.bosTokenId()).hasValue(0);
      assertThat(tokenizer.eosTokenId()).hasValue(2);
      assertThat(tokenizer.padTokenId()).hasValue(0);
      assertThat(tokenizer.unkTokenId()).isEmpty();
      assertThat(tokenizer.addsBosToken()).isTrue();
    }
  }

  @Test
  void encodesThePromptsOfSmolLm2AsTransformersDoes() {
    Map<String, ?> golden = JsonFile.readObject(SharedTokenizers.shared("goldens/smollm2.json"));
    try (Tokenizer tokenizer = SharedTokenizers.model("smollm2-135m-instruct")) {
      for (Map<?, ?> entry : SharedTokenizers.maps(golden.get("greedy"))) {
        String text = (String) entry.get("text");
        int[] ids =
            entry.get("kind").equals("raw")
                ? tokenizer.encodeRaw(text)
                : tokenizer.encodeWithControlTokens(text);
        assertThat(ids).as(text).isEqualTo(SharedTokenizers.ints(entry.get("prompt_ids")));
        assertThat(tokenizer.decode(SharedTokenizers.ints(entry.get("greedy_ids")), false))
            .isEqualTo(entry.get("greedy_text"));
      }
      assertThat(tokenizer.addsBosToken()).isFalse();
      Map<?, ?> wikitext = (Map<?, ?>) golden.get("wikitext2");
      // The file ends its lines by CR LF; it was recorded through Python's text mode, which makes
      // them LF.
      String text = JsonFile.readText(SharedTokenizers.shared("data/wiki.test.raw"));
      int[] ids = tokenizer.encode(text.replace("\r\n", "\n"));
      assertThat(ids).hasSize(((Number) wikitext.get("tokens")).intValue());
      int[] first = SharedTokenizers.ints(wikitext.get("first_ids"));
      int[] last = SharedTokenizers.ints(wikitext.get("last_ids"));
      assertThat(Arrays.copyOf(ids, first.length)).isEqualTo(first);
      assertThat(Arrays.copyOfRange(ids, ids.length - last.length, ids.length)).isEqualTo(last);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 1205, 100_000, Integer.MAX_VALUE, Integer.MIN_VALUE})
  void refusesIdsWithoutAToken(int id) {
    try (Tokenizer tokenizer = SharedTokenizers.golden("byte-level-qwen")) {
      org.assertj.core.api.Assertions.assertThatThrownBy(
              () -> tokenizer.decode(new int[] {1, id}, false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("token id " + id)
          .hasMessageContaining("1204");
      assertThat(tokenizer.hasToken(id)).isFalse();
    }
  }
}
