package io.vquant.kernels.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class LineRankingTest {

  private static final double[] SCORES = {0, 0, 0, 0, 2, 5, 1, 5, 9, 9};

  @Test
  void sinksComeFirstThenTheBestScoresThenTheEarlier() {
    LineRanking ranking = LineRanking.of(SCORES, 2);
    assertThat(ranking.size()).isEqualTo(8);
    assertThat(ranking.first(0)).isEmpty();
    assertThat(ranking.first(5)).containsExactly(0, 1, 2, 3, 5);
    assertThat(ranking.first(6)).containsExactly(0, 1, 2, 3, 5, 7);
    assertThat(ranking.first(7)).containsExactly(0, 1, 2, 3, 4, 5, 7);
    assertThat(ranking.first(100)).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
  }

  @Test
  void sharesAreOfTheCandidatesAlone() {
    LineRanking ranking = LineRanking.of(SCORES, 2);
    assertThat(ranking.share(4)).isZero();
    assertThat(ranking.share(5)).isCloseTo(5 / 13.0, within(1e-15));
    assertThat(ranking.share(7)).isCloseTo(12 / 13.0, within(1e-15));
    assertThat(ranking.share(9)).isEqualTo(1);
    assertThat(LineRanking.of(new double[9], 0).share(0)).isEqualTo(1);
  }

  @Test
  void shortTextsHaveSinksOnly() {
    assertThat(LineRanking.of(new double[] {3, 4}, 128).first(32)).containsExactly(0, 1);
    assertThat(LineRanking.of(new double[100], 128).first(32)).containsExactly(0, 1, 2, 3);
    assertThat(LineRanking.of(new double[0], 128).first(32)).isEmpty();
  }

  @Test
  void aRatioIsRoundedToSixteenAndBounded() {
    LineRanking any = LineRanking.of(SCORES, 0);
    assertThat(new LineBudget.Ratio(0.01).count(any, 2048)).isEqualTo(32);
    assertThat(new LineBudget.Ratio(0.01).count(any, 8192)).isEqualTo(80);
    assertThat(new LineBudget.Ratio(0.02).count(any, 4096)).isEqualTo(80);
    assertThat(new LineBudget.Ratio(0.01).count(any, 131072)).isEqualTo(512);
    assertThat(new LineBudget.Fixed(7).count(any, 2048)).isEqualTo(7);
  }

  @Test
  void coverageTakesTheFewestMultiplesOfSixteen() {
    double[] scores = new double[1000];
    for (int i = 4; i < 104; i++) {
      scores[i] = 1;
    }
    LineRanking ranking = LineRanking.of(scores, 0);
    assertThat(new LineBudget.Coverage(0.5).count(ranking, 1000)).isEqualTo(64); // 4 sinks, 60
    assertThat(new LineBudget.Coverage(0.12).count(ranking, 1000)).isEqualTo(16);
    assertThat(new LineBudget.Coverage(1).count(ranking, 1000)).isEqualTo(112);
    Arrays.fill(scores, 1);
    LineRanking flat = LineRanking.of(scores, 0);
    assertThat(new LineBudget.Coverage(0.9).count(flat, 1000)).isEqualTo(512);
  }

  @Test
  void refusesWhatIsNoPart() {
    assertThatThrownBy(() -> new LineBudget.Ratio(0)).hasMessageContaining("ratio 0.0");
    assertThatThrownBy(() -> new LineBudget.Coverage(1.5)).hasMessageContaining("coverage 1.5");
    assertThatThrownBy(() -> new LineBudget.Ratio(Double.NaN)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> new LineBudget.Fixed(-1)).hasMessageContaining("lines -1");
  }
}
