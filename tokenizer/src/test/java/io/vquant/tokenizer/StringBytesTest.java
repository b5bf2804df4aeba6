package io.vquant.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** UTF-8 against Java's own decoder. */
class StringBytesTest {
  private static final int[] EDGES = {
    0x00, 0x1f, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
    0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff
  };

  private static boolean isUtf8(byte[] bytes, int from, int to) {
    try {
      UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, to - from));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  private static void assertEndsWhereJavaSays(byte[] text) {
    int end = 0;
    while (end < text.length && text[end] != '"' && text[end] != '\\') {
      int next = end + 1;
      while (next < Math.min(text.length, end + 4) && !isUtf8(text, end, next)) {
        next++;
      }
      if (!isUtf8(text, end, next) || (text[end] >= 0 && text[end] < ' ')) {
        break;
      }
      end = next;
    }
    assertThat(StringBytes.plainEnd(text, 0))
        .as("%s", java.util.HexFormat.of().formatHex(text))
        .isEqualTo(end);
  }

  @Test
  void plainTextEndsWhereUtf8DoesForEveryEdgeOfItsTables() {
    for (int a : EDGES) {
      for (int b : EDGES) {
        for (int c : EDGES) {
          for (int d : EDGES) {
            assertEndsWhereJavaSays(new byte[] {(byte) a, (byte) b, (byte) c, (byte) d});
          }
          assertEndsWhereJavaSays(new byte[] {(byte) a, (byte) b, (byte) c});
        }
        assertEndsWhereJavaSays(new byte[] {(byte) a, (byte) b});
      }
    }
  }

  @Test
  void escapesStandForTheSameText() {
    for (int seed = 0; seed < 200; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 300; i++) {
        int character = random.nextInt(1 << (7 + random.nextInt(14)));
        boolean plain = Character.isDefined(character) && !Character.isISOControl(character);
        if (plain && (character > 0xffff || !Character.isSurrogate((char) character))) {
          text.appendCodePoint(character);
        }
      }
      String json = JsonMapper.shared().writeValueAsString(text.toString());
      String ascii = StringBytes.ascii(json.getBytes(UTF_8));
      assertThat(ascii.chars().allMatch(c -> c < 128)).as("seed %d", seed).isTrue();
      assertThat(JsonMapper.shared().readValue(ascii, String.class))
          .as("seed %d", seed)
          .isEqualTo(text.toString());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0} | 0",
        "49151 , | 49151",
        "123456789} | 123456789",
        "1234567890} | -1",
        "-1} | -1",
        "1.0} | -1",
        "1e3} | -1",
        "1E3} | -1",
        "true} | -1"
      })
  void readsShortNumbers(String json, int number) {
    assertThat(StringBytes.number(json.getBytes(UTF_8), 0)).isEqualTo(number);
  }
}
