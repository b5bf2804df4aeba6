package io.vquant.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Pieces of a stream against the text of the whole. */
class StreamingDecoderTest {
  static final List<String> GOLDENS = SharedTokenizers.GOLDENS;

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void recordedTextsStreamExactly(String name) {
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      for (Map<?, ?> golden : SharedTokenizers.cases(name)) {
        for (String field : List.of("ids", "ids_with_special")) {
          assertStreamsExactly(
              tokenizer, SharedTokenizers.ints(golden.get(field)), "" + golden.get("text"));
        }
        List<String> pieces = pieces(tokenizer, SharedTokenizers.ints(golden.get("ids")), true);
        assertThat(String.join("", pieces)).isEqualTo(golden.get("decoded_skip_special"));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void anyIdsStreamExactly(String name) {
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      for (int seed = 0; seed < 120; seed++) {
        SplittableRandom random = new SplittableRandom(seed);
        int length = random.nextInt(1, 120);
        int[] ids = random.ints(length, 0, tokenizer.maxTokenId() + 1).toArray();
        assertStreamsExactly(tokenizer, ids, "seed " + seed);
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void brokenBytesSpacesAndSpecialTokensStreamExactly(String name) {
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      int[] awkward = awkwardIds(tokenizer);
      for (int seed = 0; seed < 200; seed++) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] ids = new int[random.nextInt(1, 150)];
        for (int i = 0; i < ids.length; i++) {
          boolean any = random.nextInt(10) == 0;
          ids[i] =
              any
                  ? random.nextInt(tokenizer.maxTokenId() + 1)
                  : awkward[random.nextInt(awkward.length)];
        }
        assertStreamsExactly(tokenizer, ids, "seed " + seed);
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void oneTokenRepeatedStreamsExactly(String name) {
    try (Tokenizer tokenizer = SharedTokenizers.golden(name)) {
      for (int id : awkwardIds(tokenizer)) {
        int[] ids = new int[70];
        Arrays.fill(ids, id);
        assertStreamsExactly(tokenizer, ids, "id " + id);
        ids[69] = tokenizer.encode("x")[0];
        assertStreamsExactly(tokenizer, ids, "id " + id + " and then x");
      }
    }
  }

  @Test
  void textAppearsAsSoonAsItsCharactersAreComplete() {
    try (Tokenizer tokenizer = SharedTokenizers.golden("byte-level-qwen")) {
      StreamingDecoder decoder = tokenizer.streamingDecoder(false);
      StringBuilder soFar = new StringBuilder();
      String text = "Hello 東京🙂 again";
      int[] ids = tokenizer.encode(text);
      for (int i = 0; i < ids.length; i++) {
        soFar.append(decoder.push(ids[i]));
        String complete =
            tokenizer.decode(Arrays.copyOf(ids, i + 1), false).replaceAll("\uFFFD$", "");
        assertThat(soFar.toString()).isEqualTo(complete);
      }
      assertThat(soFar.toString()).isEqualTo(text);
      assertThat(decoder.finish()).isEmpty();
    }
  }

  @Test
  void unfinishedCharacterIsBrokenOnlyAtTheEnd() {
    try (Tokenizer tokenizer = SharedTokenizers.golden("byte-level-llama3")) {
      StreamingDecoder decoder = tokenizer.streamingDecoder(false);
      int[] ids = tokenizer.encode("🙂");
      assertThat(ids.length).isGreaterThan(1);
      assertThat(decoder.push(ids[0])).isEmpty();
      assertThat(decoder.finish()).isEqualTo("\uFFFD");
      assertThat(decoder.push(tokenizer.encode("a")[0]))
          .as("ready for the next sequence")
          .isEqualTo("a");
    }
  }

  @Test
  void anIdWithoutATokenLeavesTheDecoderAsItWas() {
    try (Tokenizer tokenizer = SharedTokenizers.golden("sentencepiece-bpe")) {
      StreamingDecoder decoder = tokenizer.streamingDecoder(true);
      int[] ids = tokenizer.encode("two words");
      StringBuilder text = new StringBuilder();
      for (int id : ids) {
        assertThatThrownBy(() -> decoder.push(1200))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("1200");
        text.append(decoder.push(id));
      }
      assertThat(text.append(decoder.finish()).toString()).isEqualTo("two words");
    }
  }

  /** Tokens of single bytes, of spaces, and special ones. */
  private static int[] awkwardIds(Tokenizer tokenizer) {
    List<Integer> ids = new ArrayList<>();
    for (int id = 0; id <= tokenizer.maxTokenId(); id++) {
      String token = tokenizer.token(id);
      boolean broken = tokenizer.decode(new int[] {id}, false).contains("\uFFFD");
      boolean byteToken =
          token.matches("<0x[0-9A-F]{2}>")
              && (token.compareTo("<0x80>") >= 0 || token.endsWith("1>"));
      boolean spaces = token.matches("[▁Ġ]+");
      if (broken || byteToken || spaces || tokenizer.isSpecial(id)) {
        ids.add(id);
      }
    }
    assertThat(ids).hasSizeGreaterThan(2);
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private static void assertStreamsExactly(Tokenizer tokenizer, int[] ids, String what) {
    for (boolean skipSpecial : new boolean[] {false, true}) {
      String whole = tokenizer.decode(ids, skipSpecial);
      List<String> pieces = pieces(tokenizer, ids, skipSpecial);
      assertThat(String.join("", pieces))
          .as("%s, ids %s", what, Arrays.toString(ids))
          .isEqualTo(whole);
    }
  }

  private static List<String> pieces(Tokenizer tokenizer, int[] ids, boolean skipSpecial) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(skipSpecial);
    List<String> pieces = new ArrayList<>();
    for (int id : ids) {
      pieces.add(decoder.push(id));
    }
    pieces.add(decoder.finish());
    return pieces;
  }
}
