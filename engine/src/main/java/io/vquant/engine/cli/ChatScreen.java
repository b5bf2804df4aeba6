package io.vquant.engine.cli;

import org.jspecify.annotations.Nullable;

/** Where a chat is typed and shown: a terminal, or plain streams. */
interface ChatScreen extends AutoCloseable {
  /**
   * The next line, without its end; null when there are no more.
   *
   * @throws PromptInterruptedException on Ctrl-C
   */
  @Nullable String readLine(String prompt);

  /** Keeps a message for the history. */
  void remember(String message);

  /** Has {@code action} called on Ctrl-C while no line is read. */
  void onInterrupt(Runnable action);

  /** Shows a part of an answer at once. */
  void answer(String piece, boolean dimmed);

  /** Shows lines that a command was asked for. */
  void show(String lines);

  /** Shows a line about what happened: not part of an answer. */
  void note(String line);

  /** Shows a line that says what went wrong. */
  void failure(String line);

  /** Whether a person sits before it. */
  boolean isInteractive();

  @Override
  void close();
}
