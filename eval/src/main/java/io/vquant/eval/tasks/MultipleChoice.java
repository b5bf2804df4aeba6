package io.vquant.eval.tasks;

import io.vquant.eval.EvalMetric;
import io.vquant.eval.EvalTask;
import io.vquant.eval.LanguageModel;
import io.vquant.eval.MalformedTaskDataException;
import io.vquant.eval.TaskData;
import io.vquant.eval.TaskProfile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/**
 * Some answers to a question, of which the likeliest after it counts as chosen: by its
 * log-likelihood (acc), or by that over its characters (acc_norm), as lm-evaluation-harness does.
 */
public final class MultipleChoice implements EvalTask {
  public static final String NAME = "multiple_choice";
  private static final List<EvalMetric> METRICS =
      List.of(
          EvalMetric.of("acc", true, EvalMetric.Aggregation.MEAN),
          EvalMetric.of("acc_norm", true, EvalMetric.Aggregation.MEAN));

  private final List<Question> questions;
  private final int fewShot;

  private record Question(String text, List<String> choices, int answer) {
    String asked() {
      return "Question: " + text + "\nAnswer:";
    }

    String solved() {
      return asked() + " " + choices.get(answer) + "\n\n";
    }
  }

  private MultipleChoice(List<Question> questions, int fewShot) {
    this.questions = questions;
    this.fewShot = fewShot;
  }

  /**
   * Reads JSON lines with {@code question}, {@code choices} (two texts or more) and {@code answer}:
   * the right choice's number from 0, its letter from A, or its text.
   *
   * @throws MalformedTaskDataException if a line lacks them, or there are too few for the examples
   */
  public static MultipleChoice read(TaskData data, int fewShot) {
    List<Question> questions =
        data.lines().stream()
            .map(line -> {
              List<String> choices = line.texts("choices", 2);
              return new Question(line.text("question"), choices, answer(line, choices));
            })
            .toList();
    FewShot.requireEnough(data, questions.size(), fewShot);
    return new MultipleChoice(questions, fewShot);
  }

  private static int answer(TaskData.Line line, List<String> choices) {
    JsonNode value = line.fields().get("answer");
    int index = -1;
    if (value != null && value.isInt()) {
      index = value.intValue();
    } else if (value != null && value.isString()) {
      String text = value.asString();
      boolean letter = text.length() == 1 && text.charAt(0) >= 'A' && text.charAt(0) <= 'Z';
      index = choices.indexOf(text);
      if (index < 0 && letter) {
        index = text.charAt(0) - 'A';
      }
    }
    if (index < 0 || index >= choices.size()) {
      throw line.bad(
          "answer",
          "a number from 0 to "
              + (choices.size() - 1)
              + ", a letter from A, or the text of one of the choices");
    }
    return index;
  }

  @Override
  public TaskProfile profile() {
    return new TaskProfile(NAME, 1, fewShot, METRICS, settings());
  }

  @Override
  public int size() {
    return questions.size();
  }

  private static Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("output_type", "multiple_choice");
    settings.put("doc_to_text", "Question: {{question}}\nAnswer:");
    settings.put("target_delimiter", " ");
    settings.put("fewshot_from", FewShot.SOURCE);
    return settings;
  }

  @Override
  public Sample ask(LanguageModel model, int index) {
    Question question = questions.get(index);
    StringBuilder context = new StringBuilder();
    FewShot.indices(fewShot, index).forEach(i -> context.append(questions.get(i).solved()));
    context.append(question.asked());
    List<LanguageModel.Continuation> requests = new ArrayList<>();
    for (String choice : question.choices) {
      requests.add(new LanguageModel.Continuation(context.toString(), " " + choice));
    }
    List<Double> likelihoods =
        model.logLikelihood(requests).stream()
            .map(LanguageModel.LogLikelihood::logLikelihood)
            .toList();
    List<Double> perCharacter =
        IntStream.range(0, likelihoods.size())
            .mapToObj(i -> likelihoods.get(i) / question.choices.get(i).length())
            .toList();
    Map<String, Object> log = new LinkedHashMap<>();
    log.put("question", question.text);
    log.put("choices", question.choices);
    log.put("answer", question.answer);
    log.put("log_likelihoods", likelihoods);
    return new Sample(
        List.of(
            Score.of(largest(likelihoods) == question.answer),
            Score.of(largest(perCharacter) == question.answer)),
        log);
  }

  /** The first of the largest. */
  private static int largest(List<Double> values) {
    return values.indexOf(values.stream().max(Double::compare).orElseThrow());
  }
}
