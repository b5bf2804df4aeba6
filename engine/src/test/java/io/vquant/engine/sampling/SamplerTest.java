package io.vquant.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.vquant.engine.SamplingParams;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final TokenHistory NO_HISTORY = history();

  private static TokenHistory history(int... tokens) {
    return new TokenHistory() {
      @Override
      public int length() {
        return tokens.length;
      }

      @Override
      public int tokenId(int position) {
        return tokens[position];
      }
    };
  }

  private static Tensor row(float... logits) {
    MemorySegment segment = Arena.ofAuto().allocate(4L * logits.length, 64);
    MemorySegment.copy(logits, 0, segment, ValueLayout.JAVA_FLOAT, 0, logits.length);
    HostStorage storage = new HostStorage(Device.CPU, segment);
    return new Tensor(storage, DType.F32, Layout.dense(1, logits.length));
  }

  private static Sampler sampler(SamplingParams params, int vocabSize, LogitsProcessor... own) {
    return new Sampler(params, 1, vocabSize, List.of(own));
  }

  /** How often each token is drawn, as a fraction. */
  private static double[] frequencies(
      SamplingParams params, TokenHistory history, float... logits) {
    Sampler sampler = sampler(params, logits.length);
    Tensor row = row(logits);
    double[] counts = new double[logits.length];
    int draws = 40_000;
    for (int i = 0; i < draws; i++) {
      counts[sampler.sample(row, history)] += 1.0 / draws;
    }
    return counts;
  }

  private static SamplingParams plain() {
    return SamplingParams.greedy().withTemperature(1);
  }

  private static float ln(double x) {
    return (float) Math.log(x);
  }

  @Test
  void drawsFollowTheSoftmax() {
    double[] drawn = frequencies(plain(), NO_HISTORY, ln(0.1), ln(0.6), ln(0.3));
    assertThat(drawn[0]).isCloseTo(0.1, within(0.01));
    assertThat(drawn[1]).isCloseTo(0.6, within(0.01));
    assertThat(drawn[2]).isCloseTo(0.3, within(0.01));
  }

  @Test
  void temperatureSharpens() {
    // Squared: 0.01, 0.36, 0.09 of 0.46.
    double[] drawn =
        frequencies(plain().withTemperature(0.5f), NO_HISTORY, ln(0.1), ln(0.6), ln(0.3));
    assertThat(drawn[1]).isCloseTo(0.36 / 0.46, within(0.01));
  }

  @Test
  void tinyTemperatureIsGreedyAndDoesNotOverflow() {
    SamplingParams params = plain().withTemperature(Float.MIN_VALUE);
    assertThat(frequencies(params, NO_HISTORY, -300, 200, 199)[1]).isCloseTo(1, within(1e-9));
  }

  @Test
  void topPLooksAtProbabilitiesAfterTheTemperature() {
    // At temperature 0.5 the best token has 0.78, so it is the whole nucleus of 0.7; at 1 it has
    // 0.6.
    float[] logits = {ln(0.1), ln(0.6), ln(0.3)};
    SamplingParams sharp = plain().withTemperature(0.5f).withTopP(0.7f);
    assertThat(frequencies(sharp, NO_HISTORY, logits)[1]).isCloseTo(1, within(1e-9));
    double[] drawn = frequencies(plain().withTopP(0.7f), NO_HISTORY, logits);
    assertThat(drawn[0]).isZero();
    assertThat(drawn[2]).isCloseTo(1.0 / 3, within(0.01));
  }

  @Test
  void topKAndMinPRemoveTheUnlikely() {
    float[] logits = {ln(0.1), ln(0.5), ln(0.4)};
    assertThat(frequencies(plain().withTopK(2), NO_HISTORY, logits)[0]).isZero();
    assertThat(frequencies(plain().withMinP(0.21f), NO_HISTORY, logits)[0]).isZero();
    assertThat(frequencies(plain().withMinP(0.19f), NO_HISTORY, logits)[0]).isPositive();
    assertThat(frequencies(plain().withMinP(1), NO_HISTORY, logits)[1]).isCloseTo(1, within(1e-9));
    assertThat(frequencies(plain().withTopK(9), NO_HISTORY, logits)[0]).isPositive();
  }

  @Test
  void repetitionDividesPositiveAndMultipliesNegativeLogitsOnce() {
    Candidates candidates = new Candidates(3);
    candidates.load(row(4, -4, 1).segment(), 0);
    new RepetitionPenalty(2, 64).process(candidates, history(0, 1, 0, 0));
    assertThat(logits(candidates)).containsExactly(2, -8, 1);
  }

  @Test
  void presenceCountsOnceAndFrequencyEachTime() {
    Candidates candidates = new Candidates(3);
    candidates.load(row(4, 4, 4).segment(), 0);
    new PresencePenalty(1, 64).process(candidates, history(0, 1, 0, 0));
    assertThat(logits(candidates)).containsExactly(3, 3, 4);
    new FrequencyPenalty(0.5f, 64).process(candidates, history(0, 1, 0, 0));
    assertThat(logits(candidates)).containsExactly(1.5f, 2.5f, 4);
  }

  @Test
  void penaltiesLookAtTheLast64Tokens() {
    int[] tokens = new int[65];
    tokens[0] = 1;
    Candidates candidates = new Candidates(3);
    candidates.load(row(5, 5, 5).segment(), 0);
    new PresencePenalty(1, SamplingParams.PENALTY_WINDOW_TOKENS)
        .process(candidates, history(tokens));
    assertThat(logits(candidates)).containsExactly(4, 5, 5);
  }

  private static float[] logits(Candidates candidates) {
    float[] logits = new float[candidates.size()];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = candidates.logit(i);
    }
    return logits;
  }

  @Test
  void penaltiesApplyToGreedyDecoding() {
    SamplingParams params = SamplingParams.greedy().withRepetitionPenalty(2);
    assertThat(sampler(params, 2).sample(row(3, 2), history(0))).isEqualTo(1);
  }

  @Test
  void ownProcessorsRunFirstOnAllCandidates() {
    LogitsProcessor only2 =
        (candidates, history) -> {
          assertThat(candidates.isComplete()).isTrue();
          for (int i = 0; i < candidates.size(); i++) {
            if (candidates.tokenId(i) != 2) {
              candidates.setLogit(i, Float.NEGATIVE_INFINITY);
            }
          }
        };
    SamplingParams params = plain().withTopK(2).withTopP(0.9f);
    assertThat(sampler(params, 4, only2).sample(row(9, 8, 0, 7), NO_HISTORY)).isEqualTo(2);
  }

  @Test
  void sameSeedSameTokensAndAnotherSeedOthers() {
    Tensor row = row(new float[1000]);
    int[] first = draws(7, row);
    assertThat(draws(7, row)).isEqualTo(first);
    assertThat(draws(8, row)).isNotEqualTo(first);
  }

  private static int[] draws(long seed, Tensor row) {
    Sampler sampler = new Sampler(plain().withTopP(0.9f), seed, row.columns(), List.of());
    int[] tokens = new int[20];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = sampler.sample(row, NO_HISTORY);
    }
    return tokens;
  }

  @Test
  void logitsOfAnotherSizeAreRefused() {
    assertThatThrownBy(() -> sampler(plain(), 4).sample(row(1, 2, 3), NO_HISTORY))
        .hasMessageContaining("expected F32 with 4 columns");
  }
}
