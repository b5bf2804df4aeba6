package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.vquant.eval.LanguageModel;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class EngineLanguageModelTest {
  private static Engine engine;
  private static EngineLanguageModel model;

  @BeforeAll
  static void open() {
    engine = Engine.open(TestModels.options(TestModels.tiny()).withContextLength(128));
    model = engine.newLanguageModel(ScoringListener.NONE);
  }

  @AfterAll
  static void close() {
    if (engine != null) {
      model.close();
      engine.close();
    }
  }

  @Test
  void theGreedyContinuationIsGreedyAndLikelierThanAnother() {
    String context = "Once upon a time";
    String greedy =
        model
            .generateUntil(List.of(new LanguageModel.Generation(context, List.of(), 6)))
            .getFirst();
    List<LanguageModel.LogLikelihood> answers =
        model.logLikelihood(
            List.of(
                new LanguageModel.Continuation(context, greedy),
                new LanguageModel.Continuation(context, " zebra quickly")));
    assertThat(answers.get(0).greedy()).isTrue();
    assertThat(answers.get(1).greedy()).isFalse();
    assertThat(answers.get(0).logLikelihood())
        .isNegative()
        .isGreaterThan(answers.get(1).logLikelihood());
  }

  @Test
  void likelihoodsOfPartsAddUpToThatOfTheWhole() {
    List<LanguageModel.LogLikelihood> answers =
        model.logLikelihood(
            List.of(
                new LanguageModel.Continuation("Once", " upon"),
                new LanguageModel.Continuation("Once upon", " a time"),
                new LanguageModel.Continuation("Once", " upon a time")));
    // A row's bits do not depend on the rows beside it, so only the order of the sum differs.
    assertThat(answers.get(0).logLikelihood() + answers.get(1).logLikelihood())
        .isCloseTo(answers.get(2).logLikelihood(), within(1e-12));
  }

  @Test
  void longTextsAreScoredInWindowsWithEachTokenOnce() {
    String text = "Once upon a time there was a fox. ".repeat(24).strip();
    int[] tokens = engine.tokenizer().encode(text);
    assertThat(tokens.length).isBetween(129, 254); // two windows of up to 127 scored tokens
    int[] first = new int[128];
    first[0] = engine.config().tokens().bos().orElseThrow();
    System.arraycopy(tokens, 0, first, 1, 127);
    int[] second = Arrays.copyOfRange(tokens, 126, tokens.length);
    double expected;
    try (EngineTokenScorer scorer = engine.newTokenScorer()) {
      expected =
          -Arrays.stream(scorer.negativeLogLikelihoods(first, 1)).sum()
              - Arrays.stream(scorer.negativeLogLikelihoods(second, 1)).sum();
    }
    assertThat(model.rollingLogLikelihood(List.of(text)).getFirst())
        .isCloseTo(expected, within(1e-9));
  }

  @Test
  void aShortTextIsScoredAfterTheBeginningOfText() {
    double whole = model.rollingLogLikelihood(List.of("Once upon a time")).getFirst();
    LanguageModel.Continuation request = new LanguageModel.Continuation("", "Once upon a time");
    assertThat(model.logLikelihood(List.of(request)).getFirst().logLikelihood())
        .isCloseTo(whole, within(1e-12));
  }

  @Test
  void answersEndBeforeAStopString() {
    LanguageModel.Generation request =
        new LanguageModel.Generation("Once upon a time", List.of("."), 60);
    String answer = model.generateUntil(List.of(request)).getFirst();
    assertThat(answer).isNotEmpty().doesNotContain(".");
  }
}
