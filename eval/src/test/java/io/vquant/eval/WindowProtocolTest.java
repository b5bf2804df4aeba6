package io.vquant.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class WindowProtocolTest {

  /** The loss of a token is its id; remembers what it was asked. */
  private static final class IdScorer implements TokenScorer {
    private final List<int[]> windows = new ArrayList<>();

    @Override
    public int contextLength() {
      return 512;
    }

    @Override
    public double[] negativeLogLikelihoods(int[] tokenIds, int firstScored) {
      windows.add(tokenIds);
      double[] losses = new double[tokenIds.length - firstScored];
      for (int i = 0; i < losses.length; i++) {
        losses[i] = tokenIds[firstScored + i];
      }
      return losses;
    }
  }

  @Test
  void llamaCppScores255Of512AndGptq2047Of2048() {
    assertThat(512 - WindowProtocol.LLAMA_CPP.firstScored(512)).isEqualTo(255);
    assertThat(2048 - WindowProtocol.GPTQ.firstScored(2048)).isEqualTo(2047);
  }

  @Test
  void windowsDoNotOverlapAndTheRestIsLeftOut() {
    int[] text = {10, 11, 12, 13, 20, 21, 22, 23, 30};
    assertThat(WindowProtocol.windowCount(text.length, 4)).isEqualTo(2);
    IdScorer scorer = new IdScorer();
    WindowLoss loss = WindowProtocol.GPTQ.score(scorer, text, 4, 1, OptionalInt.empty());
    assertThat(loss).isEqualTo(new WindowLoss(3, 21 + 22 + 23, 21 * 21 + 22 * 22 + 23 * 23));
    assertThat(WindowProtocol.LLAMA_CPP.score(scorer, text, 4, 0, OptionalInt.empty()))
        .isEqualTo(new WindowLoss(1, 13, 169));
    assertThatThrownBy(() -> WindowProtocol.GPTQ.score(scorer, text, 4, 2, OptionalInt.empty()))
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessage("window 2 of 2");
  }

  @Test
  void bosTakesThePlaceOfTheFirstToken() {
    IdScorer scorer = new IdScorer();
    int[] text = {10, 11, 12, 13};
    WindowProtocol.GPTQ.score(scorer, text, 4, 0, OptionalInt.of(1));
    assertThat(scorer.windows.getFirst()).containsExactly(1, 11, 12, 13);
    assertThat(text).containsExactly(10, 11, 12, 13);
  }

  @Test
  void perplexityPoolsTokensNotWindows() {
    WindowLoss one = WindowLoss.of(new double[] {1});
    WindowLoss three = WindowLoss.of(new double[] {2, 3, 2});
    Perplexity perplexity = Perplexity.of(List.of(one, three));
    assertThat(perplexity.scoredTokens()).isEqualTo(4);
    assertThat(perplexity.value()).isCloseTo(Math.exp(2), within(1e-12));
    // Sample variance of {1, 2, 3, 2} is 2/3, so the mean's standard error is sqrt(2/3 / 4).
    assertThat(perplexity.standardError())
        .isCloseTo(Math.exp(2) * Math.sqrt(2.0 / 3 / 4), within(1e-12));
    assertThatThrownBy(() -> Perplexity.of(List.of(one)))
        .hasMessage("1 scored tokens in 1 windows: expected 2 or more");
  }

  @Test
  void logSoftmaxIsExactForShiftedLogitsAndRefusesNan() {
    float[] logits = {0, 5000, 5000 + (float) Math.log(3)};
    MemorySegment row = MemorySegment.ofArray(logits);
    double thirdShare = 1 + 3.0; // exp(l1 - l1) + exp(l2 - l1); the first is lost in the others
    assertThat(LogSoftmax.negativeLogLikelihood(row, 0, 3, 1))
        .isCloseTo(Math.log(thirdShare), within(3e-4)); // half an ulp of a float at 5000
    assertThat(LogSoftmax.negativeLogLikelihood(row, 4, 1, 0)).isZero();
    logits[0] = Float.NaN;
    assertThatThrownBy(() -> LogSoftmax.negativeLogLikelihood(row, 0, 3, 1))
        .isInstanceOf(ArithmeticException.class);
  }
}
