package io.vquant.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class DivergenceTest {
  private static final Offset<Double> ROUNDING = within(1e-7); // of logits as float
  private static final long SEED = 20261122;

  private static TokenDivergence compare(float[] base, float[] logits, int tokenId) {
    return TokenDivergence.of(
        MemorySegment.ofArray(base), 0, MemorySegment.ofArray(logits), 0, base.length, tokenId);
  }

  private static float[] randomRow(Random random, int size) {
    float[] row = new float[size];
    for (int i = 0; i < size; i++) {
      row[i] = (float) (4 * random.nextGaussian());
    }
    return row;
  }

  private static TokenDivergence token(double kld, double deltaP, boolean sameTop) {
    return new TokenDivergence(1, 2, kld, deltaP, sameTop);
  }

  @Test
  void twoTokensByHand() {
    // (1/2, 1/2) against (3/4, 1/4)
    TokenDivergence token = compare(new float[2], new float[] {(float) Math.log(3), 0}, 1);
    assertThat(token.nll()).isCloseTo(Math.log(4), ROUNDING);
    assertThat(token.baseNll()).isCloseTo(Math.log(2), ROUNDING);
    assertThat(token.kld()).isCloseTo(0.5 * Math.log(4.0 / 3), ROUNDING);
    assertThat(token.deltaP()).isCloseTo(-0.25, ROUNDING);
    assertThat(token.sameTop()).isTrue(); // the first of the base's two
    assertThat(compare(new float[2], new float[] {0, (float) Math.log(3)}, 1).sameTop()).isFalse();
  }

  @Test
  void theBaseWeighsTheLogarithms() {
    float[] even = new float[2];
    float[] uneven = {(float) Math.log(3), 0};
    assertThat(compare(uneven, even, 0).kld())
        .isCloseTo(0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), ROUNDING);
  }

  @Test
  void equalRowsDivergeByExactlyNothing() {
    Random random = new Random(SEED);
    for (int size : new int[] {1, 2, 17, 5000}) {
      float[] row = randomRow(random, size);
      TokenDivergence token = compare(row, row.clone(), size / 2);
      assertThat(token.kld()).as("size %d, seed %d", size, SEED).isZero();
      assertThat(token.deltaP()).isZero();
      assertThat(token.sameTop()).isTrue();
      assertThat(token.nll()).isEqualTo(token.baseNll());
    }
  }

  @Test
  void oneDisturbedLogitShows() {
    Random random = new Random(SEED);
    for (int trial = 0; trial < 50; trial++) {
      float[] row = randomRow(random, 300);
      float[] disturbed = row.clone();
      disturbed[random.nextInt(300)] += 0.125f;
      TokenDivergence token = compare(row, disturbed, 0);
      assertThat(token.kld()).as("trial %d, seed %d", trial, SEED).isPositive();
      assertThat(token.nll()).isNotEqualTo(token.baseNll());
    }
  }

  @Test
  void agreesWithTheLossOfOneRow() {
    float[] base = randomRow(new Random(SEED), 1000);
    float[] other = randomRow(new Random(SEED + 1), 1000);
    TokenDivergence token = compare(base, other, 3);
    assertThat(token.baseNll())
        .isCloseTo(
            LogSoftmax.negativeLogLikelihood(MemorySegment.ofArray(base), 0, 1000, 3),
            within(1e-12));
    assertThat(token.nll())
        .isCloseTo(
            LogSoftmax.negativeLogLikelihood(MemorySegment.ofArray(other), 0, 1000, 3),
            within(1e-12));
  }

  @Test
  void rowsAreFoundAtTheirOffsets() {
    float[] base = {9, 9, 1, 2, 3};
    float[] other = {1, 3, 2, 9, 9};
    TokenDivergence token =
        TokenDivergence.of(MemorySegment.ofArray(base), 8, MemorySegment.ofArray(other), 0, 3, 2);
    assertThat(token).isEqualTo(compare(new float[] {1, 2, 3}, new float[] {1, 3, 2}, 2));
  }

  @Test
  void numbersThatAreNotFiniteAreRefused() {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] row = {0, bad, 1};
      assertThatThrownBy(() -> compare(row, new float[3], 0))
          .isInstanceOf(ArithmeticException.class);
      assertThatThrownBy(() -> compare(new float[3], row, 0))
          .isInstanceOf(ArithmeticException.class);
    }
  }

  @Test
  void quantilesLieOnLinesBetweenNeighbours() {
    DivergenceStatistics statistics = new DivergenceStatistics();
    IntStream.rangeClosed(0, 2000).forEach(i -> statistics.add(token(2000 - i, 0, true)));
    Divergence.Quantiles kld = statistics.summary().kld();
    assertThat(kld).isEqualTo(new Divergence.Quantiles(1000, 1800, 1900, 1980, 1998, 2000));
    DivergenceStatistics two = new DivergenceStatistics();
    two.add(token(3, 0, true));
    two.add(token(1, 0, true));
    assertThat(two.summary().kld().median()).isEqualTo(2);
    assertThat(two.summary().kld().p90()).isCloseTo(2.8, within(1e-12));
    assertThat(two.summary().kld().max()).isEqualTo(3);
  }

  @Test
  void meansAndTheirErrorsByHand() {
    DivergenceStatistics statistics = new DivergenceStatistics();
    statistics.add(token(0.25, 0.5, true));
    assertThatThrownBy(statistics::summary).hasMessage("sample of 1: expected 2 or more");
    statistics.add(token(0.75, -0.5, false));
    statistics.add(token(0.5, 0.25, true));
    statistics.add(token(0.5, 0.25, true));
    Divergence divergence = statistics.summary();
    assertThat(divergence.tokens()).isEqualTo(4);
    assertThat(divergence.meanKld().value()).isEqualTo(0.5);
    // Variance of {.25, .75, .5, .5} over 4: 1/32.
    assertThat(divergence.meanKld().standardError())
        .isCloseTo(Math.sqrt(1.0 / 32 / 3), within(1e-12));
    assertThat(divergence.meanDeltaP().value()).isEqualTo(0.125);
    // Squares of delta p: 1/4, 1/4, 1/16, 1/16, mean 5/32, variance 9/1024.
    double rms = Math.sqrt(5.0 / 32);
    assertThat(divergence.rmsDeltaP().value()).isCloseTo(rms, within(1e-12));
    assertThat(divergence.rmsDeltaP().standardError())
        .isCloseTo(Math.sqrt(9.0 / 1024 / 3) / (2 * rms), within(1e-12));
    assertThat(divergence.sameTop().value()).isEqualTo(0.75);
    assertThat(divergence.sameTop().standardError()).isCloseTo(0.25, within(1e-12));
  }

  /** Two ways: their losses are the token's id and twice that, the base's are 1. */
  private static final class TwoWays implements DivergenceScorer {
    @Override
    public int contextLength() {
      return 8;
    }

    @Override
    public int ways() {
      return 2;
    }

    @Override
    public List<List<TokenDivergence>> compare(int[] tokenIds, int firstScored) {
      return IntStream.of(1, 2)
          .mapToObj(way ->
              IntStream.range(firstScored, tokenIds.length)
                  .mapToObj(i -> new TokenDivergence(way * tokenIds[i], 1, 0.5 * way, 0, true))
                  .toList())
          .toList();
    }
  }

  @Test
  void comparedWindowsKeepEachWayApart() {
    ComparedWindows compared = new ComparedWindows(new TwoWays());
    int[] text = {7, 1, 2, 7, 3, 4, 9};
    compared.score(WindowProtocol.GPTQ, text, 3, 0, OptionalInt.empty());
    compared.score(WindowProtocol.GPTQ, text, 3, 1, OptionalInt.empty());
    assertThat(compared.basePerplexity().value()).isCloseTo(Math.E, within(1e-12));
    assertThat(compared.basePerplexity().windows()).hasSize(2);
    assertThat(compared.perplexity(0).value()).isCloseTo(Math.exp(2.5), within(1e-9));
    assertThat(compared.perplexity(1).value()).isCloseTo(Math.exp(5), within(1e-9));
    assertThat(compared.divergence(0).meanKld().value()).isEqualTo(0.5);
    assertThat(compared.divergence(1).meanKld().value()).isEqualTo(1);
    assertThat(compared.divergence(1).tokens()).isEqualTo(4);
  }

  @Test
  void bitsPerByteSpreadTheLossOverBytes() {
    double bit = Math.log(2);
    Perplexity perplexity = Perplexity.of(List.of(WindowLoss.of(new double[] {bit, 3 * bit})));
    assertThat(perplexity.bitsPerByte(8)).isCloseTo(0.5, within(1e-12));
    assertThatThrownBy(() -> perplexity.bitsPerByte(0))
        .hasMessage("0 bytes scored: expected 1 or more");
  }

  @Test
  void theShortestWindowScoresTwoTokens() {
    for (WindowProtocol protocol : WindowProtocol.values()) {
      int shortest = protocol.minWindowTokens();
      assertThat(shortest - protocol.firstScored(shortest)).as("%s", protocol).isEqualTo(2);
      assertThat(shortest - 1 - protocol.firstScored(shortest - 1)).isLessThan(2);
    }
  }
}
