package io.vquant.eval.tasks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.vquant.eval.EvalTask;
import io.vquant.eval.EvalTask.Sample;
import io.vquant.eval.EvalTask.Score;
import io.vquant.eval.LanguageModel;
import io.vquant.eval.MalformedTaskDataException;
import io.vquant.eval.TaskData;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskTest {
  private static final String PROBLEMS =
      """
      {"question": "2 + 2?", "answer": "It is <<2+2=4>>4.\\n#### 4"}

      {"question": "A price?", "answer": "Dear.\\n#### 1,234"}
      {"question": "Third?", "answer": "#### -7"}
      """;

  private static TaskData data(String text) {
    return new TaskData("file.jsonl", text);
  }

  /** Answers by functions, and keeps what it was asked. */
  private static final class Scripted implements LanguageModel {
    final List<String> asked = new ArrayList<>();
    private final Function<String, String> answers;
    private final Function<Continuation, Double> likelihoods;

    Scripted(Function<String, String> answers, Function<Continuation, Double> likelihoods) {
      this.answers = answers;
      this.likelihoods = likelihoods;
    }

    @Override
    public List<LogLikelihood> logLikelihood(List<Continuation> requests) {
      return requests.stream()
          .map(request -> {
            asked.add(request.context() + "|" + request.continuation());
            double value = likelihoods.apply(request);
            return new LogLikelihood(value, value > -1);
          })
          .toList();
    }

    @Override
    public List<Double> rollingLogLikelihood(List<String> texts) {
      return texts.stream().map(text -> -(double) text.length()).toList();
    }

    @Override
    public List<String> generateUntil(List<Generation> requests) {
      return requests.stream()
          .map(request -> {
            asked.add(request.context());
            return answers.apply(request.context());
          })
          .toList();
    }
  }

  private static Scripted answering(String answer) {
    return new Scripted(context -> answer, request -> 0.0);
  }

  private static List<Double> values(Sample sample) {
    return sample.scores().stream().map(Score::value).toList();
  }

  @Test
  void gsm8kPutsOtherProblemsBeforeTheQuestion() {
    EvalTask task = Gsm8k.read(data(PROBLEMS), 2);
    Scripted model = answering(" It is 4.\n#### 4");
    assertThat(values(task.ask(model, 0))).containsExactly(1.0, 1.0);
    assertThat(model.asked.getFirst())
        .isEqualTo(
            """
            Question: A price?
            Answer: Dear.
            #### 1,234

            Question: Third?
            Answer: #### -7

            Question: 2 + 2?
            Answer:\
            """);
    task.ask(model, 2);
    assertThat(model.asked.getLast()).startsWith("Question: 2 + 2?").endsWith("Third?\nAnswer:");
    assertThat(task.size()).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "#### 1234|1|1",
        "so #### 1,234.|1|1",
        "#### $1234|0|1",
        "the answer is $1,234|0|1",
        "#### 1233 or 1234|0|1",
        "first 5 then 9|0|0",
        "no number|0|0"
      })
  void gsm8kFindsAnswersAsTheHarnessDoes(String response, double strict, double flexible) {
    EvalTask task = Gsm8k.read(data(PROBLEMS), 0);
    assertThat(values(task.ask(answering(response), 1))).containsExactly(strict, flexible);
  }

  @Test
  void gsm8kExtractsWhatTheExpressionsOfTheHarnessFind() {
    assertThat(Gsm8k.strict("#### 12 #### 13")).isEqualTo("12");
    assertThat(Gsm8k.strict("####12")).isEqualTo("[invalid]");
    assertThat(Gsm8k.flexible("a $3.50, then -4")).isEqualTo("-4");
    assertThat(Gsm8k.flexible("in all 18.")).isEqualTo("18.");
    assertThat(Gsm8k.normalized("18.")).isEqualTo("18");
    assertThat(Gsm8k.normalized("words\n#### $2,000")).isEqualTo("2000");
  }

  @Test
  void dataThatIsNotOfTheFormIsNamedByLineAndField() {
    String good = "{\"question\": \"q\", \"answer\": \"#### 1\"}\n";
    assertBad(
        () -> Gsm8k.read(data(good + "{\"question\": \"q\"}"), 0), "line 2: no field 'answer'");
    assertBad(() -> Gsm8k.read(data(good + "[1]"), 0), "line 2: not a JSON object");
    assertBad(() -> Gsm8k.read(data(good + "{\"a\""), 0), "line 2: not JSON");
    assertBad(() -> Gsm8k.read(data(" \n"), 0), "empty");
    assertBad(() -> Gsm8k.read(data(good), 1), "1 documents, expected more than the 1 examples");
    assertBad(
        () -> Gsm8k.read(data("{\"question\": \"q\", \"answer\": \"seven\"}"), 0),
        "field 'answer' is \"seven\", expected a text that ends with ####");
    assertBad(
        () -> MultipleChoice.read(data("{\"question\": \"q\", \"choices\": [\"a\"]}"), 0),
        "expected a list of 2 or more texts");
    assertBad(
        () ->
            MultipleChoice.read(
                data("{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": 2}"), 0),
        "field 'answer' is 2, expected a number from 0 to 1");
    assertBad(() -> LastWord.read(data("Too short.")), "no passage of 40 words");
    assertBad(() -> RollingText.read(data("\n\n")), "empty");
  }

  private static void assertBad(Runnable read, String message) {
    assertThatThrownBy(read::run)
        .isInstanceOf(MalformedTaskDataException.class)
        .hasMessageStartingWith("file.jsonl")
        .hasMessageContaining(message);
  }

  @Test
  void theLikeliestChoiceCountsAndTheLikeliestPerCharacter() {
    TaskData questions =
        data(
            """
            {"question": "Which?", "choices": ["ab", "abcdefgh"], "answer": 1}
            {"question": "Which?", "choices": ["ab", "abcdefgh"], "answer": "A"}
            {"question": "Which?", "choices": ["ab", "abcdefgh"], "answer": "ab"}
            """);
    EvalTask task = MultipleChoice.read(questions, 0);
    Scripted model =
        new Scripted(c -> "", request -> request.continuation().length() > 3 ? -8. : -4.);
    // Sums -4 and -8; per character -2 and -1.
    assertThat(values(task.ask(model, 0))).containsExactly(0.0, 1.0);
    assertThat(values(task.ask(model, 1))).containsExactly(1.0, 0.0);
    assertThat(values(task.ask(model, 2))).containsExactly(1.0, 0.0);
    assertThat(model.asked.getFirst()).isEqualTo("Question: Which?\nAnswer:| ab");
  }

  @Test
  void passagesEndWithAWordAtTheEndOfASentence() {
    String words = "word ".repeat(38);
    List<LanguageModel.Continuation> passages =
        LastWord.passages(words + "he says never.\" Brief. " + words + "number 42! " + words);
    assertThat(passages).hasSize(1);
    assertThat(passages.getFirst().context()).isEqualTo(words + "he says");
    assertThat(passages.getFirst().continuation()).isEqualTo(" never");
    assertThat(LastWord.passages(words + "so it was well-known.").getFirst().continuation())
        .isEqualTo(" well-known");
    assertThat(LastWord.passages("no end " + words)).isEmpty();
  }

  @Test
  void rollingTextWeighsByWordsAndBytes() {
    EvalTask task = RollingText.read(data("one two\n\nüber\n"));
    assertThat(task.size()).isEqualTo(2);
    assertThat(task.ask(answering(""), 0).scores().getFirst()).isEqualTo(new Score(-7, 2));
    assertThat(task.ask(answering(""), 1).scores().get(1)).isEqualTo(new Score(-4, 5));
    assertThat(task.profile().metrics().get(2).value(List.of(new Score(-4 * Math.log(2), 8))))
        .isCloseTo(0.5, within(1e-12));
  }
}
