package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The small pieces that make text. */
final class TextTest {

  @Test
  void quantities() {
    assertThat(Quantities.bytes(0)).isEqualTo("0 B");
    assertThat(Quantities.bytes(999)).isEqualTo("999 B");
    assertThat(Quantities.bytes(13_910_360)).isEqualTo("13.9 MB");
    assertThat(Quantities.bytes(999_960_000)).isEqualTo("1.0 GB");
    assertThat(Quantities.bytes(Long.MAX_VALUE)).isEqualTo("9223 PB");
    assertThat(Quantities.count(6_951_168)).isEqualTo("6.95 M");
  }

  @Test
  void suggestions() {
    List<String> known = List.of("generate", "inspect", "bench");
    assertThat(Suggestion.of("genreate", known)).isEqualTo("did you mean 'generate'?");
    assertThat(Suggestion.of("xyzzy", known)).startsWith("expected one of generate, inspect");
    assertThat(Suggestion.distance("ab", "ba")).isEqualTo(1);
    assertThat(Suggestion.distance("", "abc")).isEqualTo(3);
    assertThat(Suggestion.distance("kitten", "sitting")).isEqualTo(3);
  }

  @Test
  void oneLine() {
    assertThat(Console.oneLine("a\n\tb\r\nc\u2028d ")).isEqualTo("a b c d");
  }

  @Test
  void strictUtf8() {
    byte[] overlong = {'o', 'k', (byte) 0xc0, (byte) 0x80};
    assertThatThrownBy(() -> InputText.decode(overlong, "stdin"))
        .hasMessage("stdin: not UTF-8: byte 0xc0 at offset 2");
    byte[] cut = {(byte) 0xf0, (byte) 0x9f, (byte) 0xa6};
    assertThatThrownBy(() -> InputText.decode(cut, "f")).hasMessageContaining("offset 0");
    String text = "🦊é";
    assertThat(InputText.decode(text.getBytes(StandardCharsets.UTF_8), "f")).isEqualTo(text);
    assertThatThrownBy(() -> InputText.requireWellFormed("a\ud83e", "x"))
        .isInstanceOf(CommandFailure.class);
  }

  @Test
  void tokenIds() {
    assertThat(TokenIds.parse("--ids", "1, 2,3")).containsExactly(1, 2, 3);
    for (String bad : List.of("", "1,,2", "-1", "1.5", "99999999999", "a")) {
      assertThatThrownBy(() -> TokenIds.parse("--ids", bad)).isInstanceOf(CommandFailure.class);
    }
  }

  @Test
  void progressBarWaitsAndTellsTheTimeLeft() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream terminal = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    try (ProgressBar bar = ProgressBar.ofBytes(terminal, "loading", 0)) {
      bar.update(10, 100, 100_000_000L);
      assertThat(bytes.size()).as("short work shows no bar").isZero();
      bar.update(25_000_000, 100_000_000, 1_000_000_000L);
      assertThat(bytes.toString(StandardCharsets.UTF_8))
          .contains("loading [######------------------] 25.0 MB of 100 MB, 3 s left");
      int drawn = bytes.size();
      bar.update(26_000_000, 100_000_000, 1_050_000_000L);
      assertThat(bytes.size()).as("at most ten times a second").isEqualTo(drawn);
    }
    assertThat(bytes.toString(StandardCharsets.UTF_8)).endsWith("\r\u001b[K");
  }

  @Test
  void closedReaderAndHeldSurrogates() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    TextOutput out = new TextOutput(bytes);
    out.print("a".repeat(1 << 16)).print("\ud83e").print("\udd8a").flush();
    assertThat(bytes.toString(StandardCharsets.UTF_8)).endsWith("a🦊");
  }
}
