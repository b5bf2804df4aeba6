package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.eval.ComparedScorer;
import io.vquant.eval.Divergence;
import io.vquant.eval.TokenDivergence;
import io.vquant.eval.WindowProtocol;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.model.ForwardCancelledException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Prefill and decode give the same losses; two caches are told apart, one from itself is not. */
class ScoringModeTest {
  private static final Offset<Double> ROUNDING = Offset.offset(1e-12);
  private static final int WINDOW = 300; // two chunks of prefill, five pages of cache

  private static Engine tiny(DType cacheType) {
    return Engine.open(
        TestModels.options(TestModels.tiny())
            .withContextLength(WINDOW)
            .withKvPolicy(KvPolicy.plain(cacheType)));
  }

  private static int[] window(Engine engine, Path file, int tokens) throws IOException {
    String text = Files.readString(file);
    int[] ids = engine.tokenizer().encode(text.substring(0, Math.min(8000, text.length())));
    return Arrays.copyOf(ids, tokens);
  }

  private static int[] stories(Engine engine) throws IOException {
    Path file = TestModels.shared().resolve("goldens/vquant-tiny-stories.txt");
    return window(engine, file, WINDOW);
  }

  private static double[] losses(Engine engine, int[] window, ScoringMode mode, int firstScored) {
    try (EngineTokenScorer scorer = engine.newTokenScorer(mode, ScoringListener.NONE)) {
      return scorer.negativeLogLikelihoods(window, firstScored);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void decodeAndPrefillGiveTheSameBits(DType cacheType) throws IOException {
    try (Engine engine = tiny(cacheType)) {
      int[] window = stories(engine);
      for (WindowProtocol protocol : WindowProtocol.values()) {
        int first = protocol.firstScored(WINDOW);
        assertThat(losses(engine, window, ScoringMode.DECODE, first))
            .as("%s", protocol)
            .hasSize(WINDOW - first)
            .containsExactly(losses(engine, window, ScoringMode.PREFILL, first));
      }
    }
  }

  @Test
  void decodeAndPrefillOfSmolLm2GiveTheSameBits() throws IOException {
    int tokens = 72; // more than a page of the cache and than a chunk of logits
    EngineOptions options = TestModels.options(TestModels.smolLm2()).withContextLength(tokens);
    try (Engine engine = Engine.open(options)) {
      int[] window = window(engine, TestModels.shared().resolve("data/wiki.test.raw"), tokens);
      assertThat(losses(engine, window, ScoringMode.DECODE, 1))
          .containsExactly(losses(engine, window, ScoringMode.PREFILL, 1));
    }
  }

  private static Divergence divergence(Engine engine, DType base, ScoringMode mode)
      throws IOException {
    try (EngineDivergenceScorer pair =
        engine.newDivergenceScorer(KvPolicy.plain(base), mode, ScoringListener.NONE)) {
      ComparedScorer scorer = new ComparedScorer(pair);
      scorer.negativeLogLikelihoods(stories(engine), 1);
      return scorer.divergence();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aCacheDoesNotDivergeFromItself(ScoringMode mode) throws IOException {
    try (Engine engine = tiny(DType.BF16)) {
      Divergence divergence = divergence(engine, DType.BF16, mode);
      assertThat(divergence.kld().max()).isZero();
      assertThat(divergence.rmsDeltaP().value()).isZero();
      assertThat(divergence.sameTop().value()).isEqualTo(1);
      assertThat(divergence.tokens()).isEqualTo(WINDOW - 1);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRoundedCacheDivergesALittleFromAnExactOne(ScoringMode mode) throws IOException {
    try (Engine engine = tiny(DType.BF16)) {
      Divergence divergence = divergence(engine, DType.F32, mode);
      assertThat(divergence.meanKld().value()).isBetween(1e-12, 1e-3);
      assertThat(divergence.kld().max()).isGreaterThan(divergence.kld().median());
      assertThat(divergence.sameTop().value()).isGreaterThan(0.95);
    }
  }

  @Test
  void comparedLossesAreThoseOfTheCachesAlone() throws IOException {
    try (Engine exact = tiny(DType.F32);
        Engine rounded = tiny(DType.BF16);
        EngineDivergenceScorer pair =
            rounded.newDivergenceScorer(
                KvPolicy.plain(DType.F32), ScoringMode.PREFILL, ScoringListener.NONE)) {
      int[] window = stories(exact);
      List<TokenDivergence> tokens = pair.compare(window, 1);
      double[] base = losses(exact, window, ScoringMode.PREFILL, 1);
      double[] own = losses(rounded, window, ScoringMode.PREFILL, 1);
      for (int i = 0; i < base.length; i++) {
        assertThat(tokens.get(i).baseNll()).isCloseTo(base[i], ROUNDING);
        assertThat(tokens.get(i).nll()).isCloseTo(own[i], ROUNDING);
      }
      assertThat(pair.kvCacheByteSize()).isPositive();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aListenerEndsTheScoring(ScoringMode mode) throws IOException {
    ScoringListener impatient =
        new ScoringListener() {
          private int asked;

          @Override
          public boolean cancelled() {
            return ++asked > 20;
          }
        };
    try (Engine engine = tiny(DType.F32);
        EngineTokenScorer scorer = engine.newTokenScorer(mode, impatient)) {
      int[] window = stories(engine);
      assertThatThrownBy(() -> scorer.negativeLogLikelihoods(window, 1))
          .isInstanceOf(ForwardCancelledException.class);
    }
  }
}
