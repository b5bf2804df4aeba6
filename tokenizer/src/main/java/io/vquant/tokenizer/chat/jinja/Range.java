package io.vquant.tokenizer.chat.jinja;

import java.util.AbstractList;

/** {@code range(start, stop, step)}, of at most the length that Jinja2's sandbox allows. */
final class Range extends AbstractList<Object> {
  static final int MAX_LENGTH = 100_000;

  private final long start;
  private final long step;
  private final int size;

  private Range(long start, long step, int size) {
    this.start = start;
    this.step = step;
    this.size = size;
  }

  static Range of(Execution execution, long start, long stop, long step) {
    if (step == 0) {
      throw execution.failure("range() needs a step other than 0");
    }
    // The extremes of long only serve to overflow.
    if (Math.abs(start / 2) > Long.MAX_VALUE / 4
        || Math.abs(stop / 2) > Long.MAX_VALUE / 4
        || Math.abs(step / 2) > Long.MAX_VALUE / 4) {
      throw execution.failure("range() of numbers beyond 2^62");
    }
    long distance = step > 0 ? stop - start : start - stop;
    long stride = Math.abs(step);
    long size = distance <= 0 ? 0 : (distance + stride - 1) / stride;
    if (size > MAX_LENGTH) {
      throw execution.exceeded(
          "range() of " + size + " numbers, at most " + MAX_LENGTH + " are allowed");
    }
    return new Range(start, step, (int) size);
  }

  @Override
  public Object get(int index) {
    return start + index * step;
  }

  @Override
  public int size() {
    return size;
  }

  /** As Python prints it. */
  String shown() {
    return "range(" + start + ", " + (start + size * step) + (step == 1 ? "" : ", " + step) + ")";
  }
}
