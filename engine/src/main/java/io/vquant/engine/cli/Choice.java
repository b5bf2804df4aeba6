package io.vquant.engine.cli;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Options whose value is one of some words. */
final class Choice {
  private Choice() {}

  /**
   * The value of the word given.
   *
   * @throws CommandFailure if it is none of them; names all
   */
  static <E> E of(String option, String given, E[] values, Function<E, String> label) {
    List<String> labels = Arrays.stream(values).map(label).toList();
    int index = labels.indexOf(given);
    if (index < 0) {
      throw CommandFailure.usage(
          option + " " + given + ": expected one of " + String.join(", ", labels));
    }
    return values[index];
  }
}
