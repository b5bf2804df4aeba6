package io.vquant.engine.chat;

/**
 * Tells the thinking at the beginning of an answer from what follows it: a block between {@code
 * <think>} and {@code </think>}, tags included. Text is held back while it may be a tag.
 */
final class ThinkingText {
  private static final String OPEN = "<think>";
  private static final String CLOSE = "</think>";

  private enum State {
    BEFORE,
    THINKING,
    ANSWER
  }

  /** Takes each piece. */
  interface Sink {
    void text(String piece, boolean thinking);
  }

  private final Sink sink;
  private final StringBuilder held = new StringBuilder();
  private State state;

  /**
   * An answer that has not begun.
   *
   * @param promptOpens whether the prompt ends in a block, as some templates begin the answer
   */
  ThinkingText(boolean promptOpens, Sink sink) {
    this.sink = sink;
    state = promptOpens ? State.THINKING : State.BEFORE;
  }

  /** Whether a prompt ends with an open block. */
  static boolean isOpenAtEnd(String prompt) {
    return prompt.stripTrailing().endsWith(OPEN);
  }

  void push(String piece) {
    held.append(piece);
    if (state == State.BEFORE) {
      begin();
    }
    if (state == State.THINKING) {
      think();
    }
    if (state == State.ANSWER) {
      emit(held.length(), false);
    }
  }

  private void begin() {
    String text = held.toString().stripLeading();
    if (text.startsWith(OPEN)) {
      state = State.THINKING;
    } else if (!OPEN.startsWith(text)) {
      state = State.ANSWER;
    }
  }

  private void think() {
    int close = held.indexOf(CLOSE);
    if (close >= 0) {
      emit(close + CLOSE.length(), true);
      state = State.ANSWER;
      return;
    }
    int certain = held.length();
    for (int tail = Math.min(CLOSE.length() - 1, held.length()); tail > 0; tail--) {
      if (CLOSE.startsWith(held.substring(held.length() - tail))) {
        certain = held.length() - tail;
        break;
      }
    }
    emit(certain, true);
  }

  /** Hands out what was held back. */
  void finish() {
    emit(held.length(), state == State.THINKING);
  }

  private void emit(int chars, boolean thinking) {
    if (chars > 0) {
      sink.text(held.substring(0, chars), thinking);
      held.delete(0, chars);
    }
  }
}
