package io.vquant.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CandidatesTest {
  private static final long SEED = 20261122;

  private static Candidates of(float... logits) {
    Candidates candidates = new Candidates(logits.length);
    candidates.load(MemorySegment.ofArray(logits), 0);
    return candidates;
  }

  private static List<Integer> ids(Candidates candidates) {
    return IntStream.range(0, candidates.size()).mapToObj(candidates::tokenId).toList();
  }

  /** Token ids by falling logit, equals by rising id. */
  private static List<Integer> sorted(float[] logits) {
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -logits[i]).thenComparing(i -> i))
        .toList();
  }

  /** Coarse values, so that there are many ties, of both signs and sizes. */
  private static float[] randomLogits(SplittableRandom random, int size) {
    float[] logits = new float[size];
    float scale = (float) Math.pow(10, random.nextInt(-3, 3));
    for (int i = 0; i < size; i++) {
      logits[i] = (float) (Math.round(random.nextDouble(-20, 20) * 4) / 4.0) * scale;
    }
    return logits;
  }

  @Test
  void retainLargestKeepsWhatASortWouldKeep() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int round = 0; round < 300; round++) {
      float[] logits = randomLogits(random, random.nextInt(1, 400));
      int count = random.nextInt(1, logits.length + 2);
      Candidates candidates = of(logits);
      candidates.retainLargest(count);
      List<Integer> expected = sorted(logits).stream().limit(count).sorted().toList();
      assertThat(ids(candidates)).as("seed %d round %d", SEED, round).isEqualTo(expected);
      for (int i = 0; i < candidates.size(); i++) {
        assertThat(candidates.logit(i)).isEqualTo(logits[candidates.tokenId(i)]);
      }
    }
  }

  @Test
  void retainNucleusKeepsTheFewestThatReachTheProbability() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int round = 0; round < 300; round++) {
      float[] logits = randomLogits(random, random.nextInt(1, 400));
      float probability = (float) random.nextDouble(0.01, 0.999);
      Candidates candidates = of(logits);
      candidates.retainNucleus(probability);
      List<Integer> order = sorted(logits);
      assertThat(ids(candidates))
          .as("seed %d round %d", SEED, round)
          .isEqualTo(order.stream().limit(candidates.size()).sorted().toList());
      double kept = mass(logits, order, candidates.size());
      double less = mass(logits, order, candidates.size() - 1);
      assertThat(kept).as("round %d", round).isGreaterThan(probability - 1e-6);
      assertThat(less).as("round %d", round).isLessThan(probability + 1e-6);
    }
  }

  private static double mass(float[] logits, List<Integer> order, int count) {
    double max = logits[order.getFirst()];
    double total =
        IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i] - max)).sum();
    return order.stream().limit(count).mapToDouble(i -> Math.exp(logits[i] - max)).sum() / total;
  }

  @Test
  void selectionsCompose() {
    Candidates candidates = of(1, 5, 3, 5, 2, 4);
    candidates.retainLargest(4);
    assertThat(ids(candidates)).containsExactly(1, 2, 3, 5);
    assertThat(candidates.indexOf(3)).isEqualTo(2);
    assertThat(candidates.indexOf(4)).isNegative();
    candidates.retainAtLeast(4);
    assertThat(ids(candidates)).containsExactly(1, 3, 5);
    candidates.retainNucleus(0.5f);
    assertThat(ids(candidates)).containsExactly(1, 3); // e^5 / (2 e^5 + e^4) = 0.42
  }

  @Test
  void nucleusOfEqualLogitsTakesTheFirst() {
    float[] logits = new float[100];
    Arrays.fill(logits, 3.5f);
    Candidates candidates = of(logits);
    candidates.retainNucleus(0.25f);
    assertThat(ids(candidates)).isEqualTo(IntStream.range(0, 25).boxed().toList());
  }

  @Test
  void greedyTakesTheFirstOfEquals() {
    assertThat(of(1, 7, 7, 2).indexOfMax()).isEqualTo(1);
    assertThat(of(-0f, 0f).indexOfMax()).isZero();
  }

  @Test
  void nonFiniteLogitsAreRefusedWithTheirPlace() {
    assertThatThrownBy(() -> of(1, Float.NaN, Float.POSITIVE_INFINITY))
        .isInstanceOf(NonFiniteLogitsException.class)
        .hasMessage(
            "the model computed 2 logits of 3 that are not finite (the first: NaN for token 1): "
                + "expected finite numbers");
    assertThatThrownBy(() -> of(Float.NEGATIVE_INFINITY, 0))
        .isInstanceOf(NonFiniteLogitsException.class);
    assertThat(of(Float.MAX_VALUE, -Float.MAX_VALUE).size()).isEqualTo(2);
  }

  @Test
  void processorsMayForbidTokensButNotAll() {
    Candidates candidates = of(3, 2);
    candidates.setLogit(0, Float.NEGATIVE_INFINITY);
    assertThat(candidates.indexOfMax()).isEqualTo(1);
    assertThat(candidates.draw(0)).isEqualTo(1);
    assertThat(candidates.draw(Math.nextDown(1.0))).isEqualTo(1);
    assertThatThrownBy(() -> candidates.setLogit(0, Float.NaN))
        .hasMessage("logit NaN for token 0: expected less than infinity");
    candidates.setLogit(1, Float.NEGATIVE_INFINITY);
    assertThatThrownBy(candidates::indexOfMax).isInstanceOf(IllegalStateException.class);
  }
}
