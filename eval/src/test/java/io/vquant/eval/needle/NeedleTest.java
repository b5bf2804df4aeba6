package io.vquant.eval.needle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.eval.ReportFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NeedleTest {
  private static final long SEED = 20261122;
  private static final Pattern ASKED = Pattern.compile("What is (the pass key[^?]*)\\?");

  /** A character a token; finds the key unless it lies in the first part of the prompt. */
  private static final class Reader implements NeedleModel {
    final List<String> prompts = new ArrayList<>();
    private final double blindPart;

    Reader(double blindPart) {
      this.blindPart = blindPart;
    }

    @Override
    public int[] encode(String text) {
      return text.chars().toArray();
    }

    @Override
    public int[] beginning() {
      return new int[] {'^'};
    }

    @Override
    public String answer(int[] promptIds, int maxTokens) {
      String prompt =
          IntStream.of(promptIds).mapToObj(Character::toString).collect(Collectors.joining());
      prompts.add(prompt);
      Matcher asked = ASKED.matcher(prompt);
      assertThat(asked.find()).isTrue();
      Matcher told =
          Pattern.compile("(?i)" + asked.group(1) + " is (\\d{5})\\. Remember").matcher(prompt);
      assertThat(told.find()).as(prompt).isTrue();
      return told.start() < blindPart * prompt.length() ? " 0." : " " + told.group(1) + ".";
    }
  }

  @Test
  void promptsHaveTheirLengthAndTheKeyAtTheEndOfASentence() {
    Reader reader = new Reader(0);
    Haystack haystack = Haystack.of(StoryText.of(500, SEED), reader, 2000);
    NeedleGrid grid = new NeedleGrid(List.of(300, 2000), List.of(0.0, 0.5, 1.0), 2, 1, SEED);
    List<NeedleGrid.Cell> cells = grid.run(reader, haystack, (done, planned) -> true);
    assertThat(cells).hasSize(6).allSatisfy(cell -> assertThat(cell.score()).isEqualTo(1));
    assertThat(reader.prompts).hasSize(12);
    for (int i = 0; i < 12; i++) {
      String prompt = reader.prompts.get(i);
      assertThat(prompt).hasSize(i < 6 ? 300 : 2000).startsWith("^");
      int needle = prompt.indexOf(" The pass key is ");
      assertThat(prompt.charAt(needle - 1)).isIn('^', '.', '!', '?');
      int depth = i / 2 % 3;
      if (depth == 0) {
        assertThat(needle).isEqualTo(1);
      } else if (depth == 1) {
        assertThat(needle / (double) prompt.length()).isBetween(0.3, 0.7);
      }
      assertThat(prompt).endsWith("\nWhat is the pass key? The pass key is");
    }
    assertThat(reader.prompts.get(0)).isNotEqualTo(reader.prompts.get(1));
  }

  @Test
  void whatIsOverlookedShowsInItsCells() {
    Reader reader = new Reader(0.3);
    Haystack haystack = Haystack.of(StoryText.of(500, SEED), reader, 1000);
    NeedleGrid grid = new NeedleGrid(List.of(1000), List.of(0.0, 0.8), 3, 1, SEED);
    List<NeedleGrid.Cell> cells = grid.run(reader, haystack, (done, planned) -> true);
    assertThat(cells.get(0).found()).isZero();
    assertThat(cells.get(1).found()).isEqualTo(3);
    NeedleReport report = new NeedleReport(grid, cells);
    assertThat(report.score()).isEqualTo(0.5);
    assertThat(report.markdown()).contains("| 0 %   |         0 % |", "| 80 %  |       100 % |");
    assertThat(report.table().format(cells, ReportFormat.CSV).lines()).contains("1000,0.0,3,0,0.0");
    assertThat(report.heatMap("t").values()).containsExactly(List.of(0.0), List.of(1.0));
  }

  @Test
  void ofSeveralKeysTheRightOneIsAskedFor() {
    Reader reader = new Reader(0);
    Haystack haystack = Haystack.of(StoryText.of(500, SEED), reader, 1500);
    NeedleGrid grid = new NeedleGrid(List.of(1500), List.of(0.5), 4, 3, SEED);
    assertThat(grid.run(reader, haystack, (done, planned) -> true).getFirst().found()).isEqualTo(4);
    String prompt = reader.prompts.getFirst();
    assertThat(prompt.split("Remember it", -1)).hasSize(4);
    assertThat(prompt).containsPattern("What is the pass key of the \\w+ door\\? The pass key of");
  }

  @Test
  void anInterruptedTestKeepsWholeCells() {
    Reader reader = new Reader(0);
    Haystack haystack = Haystack.of(StoryText.of(500, SEED), reader, 300);
    NeedleGrid grid = new NeedleGrid(List.of(300), List.of(0.0, 1.0), 2, 1, SEED);
    List<NeedleGrid.Cell> cells = grid.run(reader, haystack, (done, planned) -> done < 3);
    assertThat(cells).hasSize(1);
    assertThat(new NeedleReport(grid, cells).markdown()).contains("|          - |");
  }

  @Test
  void theSameSeedDrawsTheSameKeys() {
    PassKeys keys = PassKeys.draw(8, new SplittableRandom(SEED));
    assertThat(keys).isEqualTo(PassKeys.draw(8, new SplittableRandom(SEED)));
    assertThat(keys.sentences()).hasSize(8).doesNotHaveDuplicates();
    assertThat(keys.key()).hasSize(5);
    assertThat(keys.isFound(" " + keys.key() + ".")).isTrue();
    assertThat(keys.isFound(keys.key() + "1")).isFalse();
    assertThat(keys.isFound("the key is " + keys.key())).isFalse();
    assertThatThrownBy(() -> PassKeys.draw(9, new SplittableRandom(SEED)))
        .hasMessage("9 keys: expected 1 to 8");
  }

  @Test
  void sentencesJoinToTheTextAndALengthNeedsRoom() {
    String text = "One. Two is 3.5! \"Three?\" said he.\n\nFour";
    assertThat(String.join("", Haystack.sentences(text))).isEqualTo(text);
    assertThat(Haystack.sentences(text)).hasSize(4);
    Reader reader = new Reader(0);
    NeedleGrid grid = new NeedleGrid(List.of(50), List.of(0.0), 1, 1, SEED);
    Haystack haystack = Haystack.of(text, reader, 50);
    assertThatThrownBy(() -> grid.run(reader, haystack, (done, planned) -> true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("prompt of 50 tokens: keys and question alone take");
  }
}
