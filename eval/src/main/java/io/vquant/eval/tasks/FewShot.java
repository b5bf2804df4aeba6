package io.vquant.eval.tasks;

import io.vquant.eval.MalformedTaskDataException;
import io.vquant.eval.TaskData;
import java.util.stream.IntStream;

/**
 * Which documents stand as examples before another: the first ones, so that prompts begin alike and
 * the model's cache can keep what they share.
 */
final class FewShot {
  /** For the settings of a task. */
  static final String SOURCE = "the first documents of the same file, less the one that is asked";

  private FewShot() {}

  /** The first {@code count} indices, {@code asked} left out. */
  static IntStream indices(int count, int asked) {
    return IntStream.rangeClosed(0, count).filter(i -> i != asked).limit(count);
  }

  /** Checks that there are examples beside each document. */
  static void requireEnough(TaskData data, int documents, int fewShot) {
    if (documents <= fewShot) {
      throw new MalformedTaskDataException(
          data.name()
              + ": "
              + documents
              + " documents, expected more than the "
              + fewShot
              + " examples before each");
    }
  }
}
