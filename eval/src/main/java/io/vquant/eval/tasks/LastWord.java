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
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The last word of a passage after all words before it, asked and judged as LAMBADA (Paperno et al.
 * 2016) in lm-evaluation-harness; but over any text, where a word need not be guessable.
 *
 * <p>A passage is a run of sentences of one paragraph, {@value #MIN_WORDS} words or more. Its last
 * word is made of letters; punctuation behind it is left out. A passage that ends otherwise, with a
 * number for example, is passed over.
 */
public final class LastWord implements EvalTask {
  public static final String NAME = "lastword";
  private static final int MIN_WORDS = 40;
  private static final Pattern SENTENCE_END = Pattern.compile("[.!?][\"'”’)]*(?=\\s|$)");
  private static final Pattern LAST_WORD =
      Pattern.compile("(?s)(.*\\S)\\s+(\\p{L}+(?:['’-]\\p{L}+){0,8})[^\\p{L}\\p{N}]*");
  private static final List<EvalMetric> METRICS =
      List.of(
          EvalMetric.of("acc", true, EvalMetric.Aggregation.MEAN),
          EvalMetric.of("perplexity", false, EvalMetric.Aggregation.PERPLEXITY));

  private final List<LanguageModel.Continuation> passages;

  private LastWord(List<LanguageModel.Continuation> passages) {
    this.passages = passages;
  }

  /**
   * Cuts a text into passages.
   *
   * @throws MalformedTaskDataException if it holds none
   */
  public static LastWord read(TaskData data) {
    List<LanguageModel.Continuation> passages =
        data.text().lines().flatMap(paragraph -> passages(paragraph).stream()).toList();
    if (passages.isEmpty()) {
      throw new MalformedTaskDataException(
          data.name()
              + ": no passage of "
              + MIN_WORDS
              + " words that ends with a sentence, expected at least one");
    }
    return new LastWord(passages);
  }

  /** The passages of one paragraph, without what is left over at its end. */
  static List<LanguageModel.Continuation> passages(String paragraph) {
    List<LanguageModel.Continuation> passages = new ArrayList<>();
    Matcher ends = SENTENCE_END.matcher(paragraph);
    int start = 0;
    while (ends.find()) {
      String passage = paragraph.substring(start, ends.end()).strip();
      if (words(passage) < MIN_WORDS) {
        continue;
      }
      start = ends.end();
      Matcher last = LAST_WORD.matcher(passage);
      if (last.matches()) {
        passages.add(new LanguageModel.Continuation(last.group(1), " " + last.group(2)));
      }
    }
    return passages;
  }

  private static int words(String text) {
    return text.split("\\s+").length;
  }

  @Override
  public TaskProfile profile() {
    return new TaskProfile(NAME, 1, 0, METRICS, settings());
  }

  @Override
  public int size() {
    return passages.size();
  }

  private static Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("output_type", "loglikelihood");
    settings.put("min_words", MIN_WORDS);
    return settings;
  }

  @Override
  public Sample ask(LanguageModel model, int index) {
    LanguageModel.Continuation passage = passages.get(index);
    LanguageModel.LogLikelihood answer = model.logLikelihood(List.of(passage)).getFirst();
    Map<String, Object> log = new LinkedHashMap<>();
    log.put("context", passage.context());
    log.put("target", passage.continuation());
    log.put("log_likelihood", answer.logLikelihood());
    log.put("greedy", answer.greedy());
    return new Sample(List.of(Score.of(answer.greedy()), Score.of(answer.logLikelihood())), log);
  }
}
