package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.vquant.eval.LanguageModel;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class EngineLanguageModelTest {
  private static Engine engine;
  private static LanguageModel model;

  @BeforeAll
  static void open() {
    engine = Engine.open(TestModels.options(TestModels.tiny()).withContextLength(128));
    model = engine.languageModel();
  }

  @AfterAll
  static void close() {
    if (engine != null) {
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
                new LanguageModel.Continuation("", "Once upon"),
                new LanguageModel.Continuation("Once upon", " a time"),
                new LanguageModel.Continuation("", "Once upon a time")));
    double whole = model.rollingLogLikelihood(List.of("Once upon a time")).getFirst();
    assertThat(answers.get(2).logLikelihood()).isCloseTo(whole, within(1e-4));
    assertThat(answers.get(0).logLikelihood() + answers.get(1).logLikelihood())
        .isCloseTo(whole, within(1e-4));
  }

  @Test
  void longTextsAreScoredInWindowsWithEachTokenOnce() {
    String text = "The fox went to the river and learned to swim. ".repeat(30).strip();
    int tokens = engine.tokenizer().encode(text).length;
    assertThat(tokens).isGreaterThan(256);
    double sum = model.rollingLogLikelihood(List.of(text)).getFirst();
    assertThat(sum / tokens).isBetween(-3.0, 0.0);
  }

  @Test
  void answersEndBeforeAStopString() {
    LanguageModel.Generation request =
        new LanguageModel.Generation("Once upon a time", List.of("."), 60);
    String answer = model.generateUntil(List.of(request)).getFirst();
    assertThat(answer).isNotEmpty().doesNotContain(".");
  }
}
