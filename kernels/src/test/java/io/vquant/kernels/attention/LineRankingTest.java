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
  void coverageTakesTheFewestMultiplesOfSixteen() {
    double[] scores = new double[1000];
    for (int i = 4; i < 104; i++) {
      scores[i] = 1;
    }
    LineRanking ranking = LineRanking.of(scores, 0);
    assertThat(ranking.countCovering(0.5)).isEqualTo(64); // 4 sinks, 60
    assertThat(ranking.countCovering(0.12)).isEqualTo(16);
    assertThat(ranking.countCovering(1)).isEqualTo(112);
    Arrays.fill(scores, 1);
    LineRanking flat = LineRanking.of(scores, 0);
    assertThat(flat.countCovering(0.9)).isEqualTo(512);
  }

  @Test
  void refusesWhatIsNoShare() {
    LineRanking ranking = LineRanking.of(SCORES, 0);
    assertThatThrownBy(() -> ranking.countCovering(0))
        .hasMessage("share 0.0: expected above 0, at most 1");
    assertThatThrownBy(() -> ranking.countCovering(Double.NaN)).hasMessageContaining("NaN");
  }
}
