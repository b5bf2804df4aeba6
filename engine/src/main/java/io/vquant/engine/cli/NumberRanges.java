package io.vquant.engine.cli;

import java.util.BitSet;
import java.util.stream.IntStream;

/** Numbers as a user lists them: {@code 0,5,10-19}. */
final class NumberRanges {
  private static final int MOST = 1 << 20;

  private final String option;
  private final String text;
  private final BitSet numbers;

  private NumberRanges(String option, String text, BitSet numbers) {
    this.option = option;
    this.text = text;
    this.numbers = numbers;
  }

  /**
   * Reads a list of numbers from 0 on and ranges of them, in any order.
   *
   * @throws CommandFailure if it is anything else
   */
  static NumberRanges parse(String option, String text) {
    BitSet numbers = new BitSet();
    for (String part : text.split(",", -1)) {
      String[] ends = part.strip().split("-", -1);
      int first = number(ends[0]);
      int last = number(ends[ends.length - 1]);
      if (ends.length > 2 || first < 0 || last < first) {
        throw CommandFailure.usage(
            option + " " + text + ": '" + part + "' is no number or range, expected 0,5,10-19");
      }
      numbers.set(first, last + 1);
    }
    return new NumberRanges(option, text, numbers);
  }

  /** All numbers below {@code end}. */
  static NumberRanges upTo(String option, int end) {
    BitSet numbers = new BitSet();
    numbers.set(0, end);
    return new NumberRanges(option, "0-" + (end - 1), numbers);
  }

  /** The number, or -1. */
  private static int number(String digits) {
    if (digits.isEmpty()
        || digits.length() > 7
        || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return -1;
    }
    int number = Integer.parseInt(digits);
    return number < MOST ? number : -1;
  }

  /**
   * Refuses numbers that there are not.
   *
   * @throws CommandFailure if one is {@code end} or more
   */
  void requireBelow(int end, String what) {
    if (numbers.length() > end) {
      throw CommandFailure.usage(
          option + " " + text + ": expected numbers from 0 to " + (end - 1) + ", " + what);
    }
  }

  boolean contains(int number) {
    return numbers.get(number);
  }

  /** The numbers, rising. */
  IntStream stream() {
    return numbers.stream();
  }
}
