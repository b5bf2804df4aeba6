package io.vquant.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Thinking told from answers, however the text is cut into pieces. */
class ThinkingTextTest {

  /** Pieces of {@code size} characters; thinking comes back in brackets. */
  private static String split(String answer, boolean promptOpens, int size) {
    StringBuilder shown = new StringBuilder();
    boolean[] inside = new boolean[1];
    ThinkingText text =
        new ThinkingText(
            promptOpens,
            (piece, thinking) -> {
              if (thinking != inside[0]) {
                shown.append(thinking ? '[' : ']');
                inside[0] = thinking;
              }
              shown.append(piece);
            });
    for (int i = 0; i < answer.length(); i += size) {
      text.push(answer.substring(i, Math.min(answer.length(), i + size)));
    }
    text.finish();
    return shown.append(inside[0] ? "]" : "").toString();
  }

  @ParameterizedTest
  @CsvSource({
    "<think>a < b</think>yes, [<think>a < b</think>]yes",
    "no tags, no tags",
    "mind <think> tags, mind <think> tags",
    "<thinking hard, <thinking hard",
    "<think>never ends </thin, [<think>never ends </thin]",
    "<think></think>, [<think></think>]",
    "<, <",
  })
  void everyCutGivesTheSame(String answer, String expected) {
    for (int size = 1; size <= answer.length(); size++) {
      assertThat(split(answer, false, size)).as("pieces of %d", size).isEqualTo(expected);
    }
  }

  @Test
  void blanksBeforeTheBlockBelongToIt() {
    assertThat(split("\n <think>x</think>y", false, 3)).isEqualTo("[\n <think>x</think>]y");
  }

  @Test
  void aPromptMayOpenTheBlock() {
    assertThat(split("so</think>yes", true, 2)).isEqualTo("[so</think>]yes");
    assertThat(ThinkingText.isOpenAtEnd("...<|assistant|>\n<think>\n")).isTrue();
    assertThat(ThinkingText.isOpenAtEnd("...<think>\n\n</think>\n\n")).isFalse();
  }
}
