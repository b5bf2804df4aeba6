package io.vquant.eval;

import io.vquant.eval.tasks.Gsm8k;
import io.vquant.eval.tasks.LastWord;
import io.vquant.eval.tasks.MultipleChoice;
import io.vquant.eval.tasks.RollingText;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** All tasks; a new one is a class and a line here. */
public final class EvalTasks {
  private static final List<Entry> ALL =
      List.of(
          new Entry(
              Gsm8k.NAME,
              "grade-school mathematics, the answer in words; JSON lines: question, answer",
              OptionalInt.of(Gsm8k.FEW_SHOT),
              Gsm8k::read),
          new Entry(
              LastWord.NAME,
              "the last word of a passage, as LAMBADA asks; any text",
              OptionalInt.empty(),
              (data, fewShot) -> LastWord.read(data)),
          new Entry(
              MultipleChoice.NAME,
              "the likeliest of some answers; JSON lines: question, choices, answer",
              OptionalInt.of(0),
              MultipleChoice::read),
          new Entry(
              RollingText.NAME,
              "word and byte perplexity of paragraphs; any text",
              OptionalInt.empty(),
              (data, fewShot) -> RollingText.read(data)));

  private EvalTasks() {}

  /**
   * A task before it has its data.
   *
   * @param description in a line, with the form of the data
   * @param fewShot examples before a question where nobody says how many; empty for a task that
   *     knows no examples
   */
  public record Entry(String name, String description, OptionalInt fewShot, Reader reader) {

    /**
     * Reads the data.
     *
     * @param examples where the user says how many; ignored by a task that knows none
     * @throws MalformedTaskDataException if it is not of the task's form
     */
    public EvalTask open(TaskData data, OptionalInt examples) {
      return reader.read(data, examples.orElse(fewShot.orElse(0)));
    }
  }

  /** Makes a task of its data. */
  @FunctionalInterface
  public interface Reader {
    /** Reads it; see {@link Entry#open}. */
    EvalTask read(TaskData data, int fewShot);
  }

  /** All of them, in the order they are listed. */
  public static List<Entry> all() {
    return ALL;
  }

  /** Names of all. */
  public static List<String> names() {
    return ALL.stream().map(Entry::name).toList();
  }

  /** The task of a name. */
  public static Optional<Entry> find(String name) {
    return ALL.stream().filter(entry -> entry.name().equals(name)).findFirst();
  }
}
