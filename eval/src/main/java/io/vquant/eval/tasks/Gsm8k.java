package io.vquant.eval.tasks;

import io.vquant.eval.EvalMetric;
import io.vquant.eval.EvalTask;
import io.vquant.eval.LanguageModel;
import io.vquant.eval.MalformedTaskDataException;
import io.vquant.eval.TaskData;
import io.vquant.eval.TaskProfile;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Grade-school mathematics (Cobbe et al. 2021), as task {@code gsm8k} of lm-evaluation-harness asks
 * and judges it: the model writes its way to the answer, which is looked for where it was told to
 * put it (strict) or at the last number (flexible). That task takes its examples from the training
 * set; these are the first problems of the same file, less the one that is asked.
 */
public final class Gsm8k implements EvalTask {
  public static final String NAME = "gsm8k";
  public static final int FEW_SHOT = 5;

  private static final int MAX_TOKENS = 256;
  private static final List<String> UNTIL = List.of("Question:", "</s>", "<|im_end|>");
  private static final Pattern STRICT = Pattern.compile("#### (-?[0-9.,]+)");
  private static final Pattern FLEXIBLE = Pattern.compile("(-?[$0-9.,]{2,})|(-?[0-9]+)");
  private static final String NOT_FOUND = "[invalid]";
  private static final List<EvalMetric> METRICS =
      List.of(
          new EvalMetric("exact_match", "strict-match", true, EvalMetric.Aggregation.MEAN),
          new EvalMetric("exact_match", "flexible-extract", true, EvalMetric.Aggregation.MEAN));

  private final List<Problem> problems;
  private final int fewShot;

  private record Problem(String question, String answer) {
    /** The problem solved, as an example. */
    String solved() {
      return asked() + " " + answer + "\n\n";
    }

    String asked() {
      return "Question: " + question + "\nAnswer:";
    }
  }

  private Gsm8k(List<Problem> problems, int fewShot) {
    this.problems = problems;
    this.fewShot = fewShot;
  }

  /**
   * Reads JSON lines with {@code question} and {@code answer}; the answer ends with {@code ####}
   * and a number.
   *
   * @throws MalformedTaskDataException if a line lacks them, or there are too few for the examples
   */
  public static Gsm8k read(TaskData data, int fewShot) {
    List<Problem> problems =
        data.lines().stream()
            .map(line -> {
              Problem problem = new Problem(line.text("question"), line.text("answer"));
              if (!STRICT.matcher(problem.answer).find()) {
                throw line.bad("answer", "a text that ends with #### and a number");
              }
              return problem;
            })
            .toList();
    FewShot.requireEnough(data, problems.size(), fewShot);
    return new Gsm8k(problems, fewShot);
  }

  @Override
  public TaskProfile profile() {
    return new TaskProfile(NAME, 1, fewShot, METRICS, settings());
  }

  @Override
  public int size() {
    return problems.size();
  }

  private static Map<String, Object> settings() {
    Map<String, Object> generation = new LinkedHashMap<>();
    generation.put("until", UNTIL);
    generation.put("do_sample", false);
    generation.put("temperature", 0.0);
    generation.put("max_gen_toks", MAX_TOKENS);
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("output_type", "generate_until");
    settings.put("generation_kwargs", generation);
    settings.put("fewshot_from", FewShot.SOURCE);
    return settings;
  }

  @Override
  public Sample ask(LanguageModel model, int index) {
    Problem problem = problems.get(index);
    StringBuilder prompt = new StringBuilder();
    FewShot.indices(fewShot, index).forEach(i -> prompt.append(problems.get(i).solved()));
    prompt.append(problem.asked());
    String response =
        model
            .generateUntil(
                List.of(new LanguageModel.Generation(prompt.toString(), UNTIL, MAX_TOKENS)))
            .getFirst();
    String target = normalized(problem.answer);
    String strict = strict(response);
    String flexible = flexible(response);
    Map<String, Object> log = new LinkedHashMap<>();
    log.put("question", problem.question);
    log.put("target", target);
    log.put("response", response);
    log.put("strict", strict);
    log.put("flexible", flexible);
    return new Sample(
        List.of(
            Score.of(normalized(strict).equals(target)),
            Score.of(normalized(flexible).equals(target))),
        log);
  }

  /** The first number after {@code ####}. */
  static String strict(String response) {
    Matcher matcher = STRICT.matcher(response);
    return matcher.find() ? matcher.group(1).strip() : NOT_FOUND;
  }

  /** The last number. */
  static String flexible(String response) {
    Matcher matcher = FLEXIBLE.matcher(response);
    @Nullable String last = null;
    while (matcher.find()) {
      last = matcher.group();
    }
    return last == null ? NOT_FOUND : last.strip();
  }

  /**
   * Without what the harness ignores: commas, dollars, all up to {@code ####}, a point at the end.
   */
  static String normalized(String answer) {
    return answer
        .replace(",", "")
        .replace("$", "")
        .replaceAll("(?s).*#### ", "")
        .replaceAll("\\.$", "")
        .toLowerCase(Locale.ROOT);
  }
}
