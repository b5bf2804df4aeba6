package io.vquant.engine.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StopTextTest {

  @Test
  void holdsBackWhatMayBecomeAStopString() {
    StopText stop = new StopText(List.of("###", "END"));
    assertThat(stop.push("one #")).isEqualTo("one ");
    assertThat(stop.push("#")).isEmpty();
    assertThat(stop.push("2 E")).isEqualTo("##2 ");
    assertThat(stop.push("N")).isEmpty();
    assertThat(stop.push("D and more")).isEmpty();
    assertThat(stop.found()).isTrue();
    assertThat(stop.push("END")).isEmpty();
    assertThat(stop.finish()).isEmpty();
  }

  @Test
  void releasesAtTheEndWhatDidNotBecomeOne() {
    StopText stop = new StopText(List.of("abab"));
    assertThat(stop.push("xaba")).isEqualTo("x");
    assertThat(stop.finish()).isEqualTo("aba");
    assertThat(stop.found()).isFalse();
  }

  @Test
  void overlappingBeginningsAreFound() {
    StopText stop = new StopText(List.of("aab"));
    assertThat(stop.push("aa")).isEmpty();
    assertThat(stop.push("a")).isEqualTo("a");
    assertThat(stop.push("b")).isEmpty();
    assertThat(stop.found()).isTrue();
  }

  @Test
  void withoutStopStringsNothingIsHeldBack() {
    StopText stop = new StopText(List.of());
    assertThat(stop.push("text")).isEqualTo("text");
    assertThat(stop.finish()).isEmpty();
  }

  /** However a text is cut, the result is that of giving it one character at a time. */
  @Test
  void cutsDoNotChangeTheResult() {
    long seed = 42;
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 500; round++) {
      String text = randomText(random, random.nextInt(0, 40));
      List<String> stops =
          List.of(
              randomText(random, random.nextInt(1, 5)), randomText(random, random.nextInt(1, 7)));
      String byCharacter = run(new StopText(stops), text, random, 1);
      String byPieces = run(new StopText(stops), text, random, 8);
      assertThat(byPieces)
          .as("seed %d round %d %s %s", seed, round, stops, text)
          .isEqualTo(byCharacter);
      assertThat(text).startsWith(byCharacter);
      assertThat(stops).noneMatch(byCharacter::contains);
    }
  }

  private static String run(StopText stop, String text, SplittableRandom random, int longestPiece) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (at < text.length()) {
      int end = Math.min(text.length(), at + random.nextInt(1, longestPiece + 1));
      out.append(stop.push(text.substring(at, end)));
      at = end;
    }
    return out.append(stop.finish()).toString();
  }

  private static String randomText(SplittableRandom random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) ('a' + random.nextInt(3)));
    }
    return text.toString();
  }
}
