package io.vquant.engine.cli;

import org.jspecify.annotations.Nullable;

/**
 * Messages from lines. A backslash at the end of a line, or three quotes at the beginning of a
 * message, let it go on over several lines; three quotes at the end of a line end it.
 */
final class MessageReader {
  static final String PROMPT = "> ";
  static final String MORE = ". ";
  private static final String QUOTES = "\"\"\"";

  private final ChatScreen screen;

  /**
   * What was typed.
   *
   * @param quoted whether it is text even where it looks like a command: it was quoted, or has
   *     several lines
   */
  record Message(String text, boolean quoted) {}

  MessageReader(ChatScreen screen) {
    this.screen = screen;
  }

  /**
   * The next message; null when there are no more.
   *
   * @throws PromptInterruptedException on Ctrl-C, which gives up a message that has begun
   */
  @Nullable Message next() {
    String line = screen.readLine(PROMPT);
    if (line == null) {
      return null;
    }
    boolean quoted = line.startsWith(QUOTES);
    String text = quoted ? quoted(line) : continued(line);
    if (!text.isBlank()) {
      screen.remember(text);
    }
    return new Message(text, quoted || text.indexOf('\n') >= 0);
  }

  private String continued(String first) {
    StringBuilder message = new StringBuilder();
    String line = first;
    while (line.endsWith("\\")) {
      message.append(line, 0, line.length() - 1).append('\n');
      String more = more();
      if (more == null) {
        return message.toString();
      }
      line = more;
    }
    return message.append(line).toString();
  }

  private String quoted(String first) {
    StringBuilder message = new StringBuilder();
    String line = first.substring(QUOTES.length());
    while (!line.stripTrailing().endsWith(QUOTES)) {
      message.append(line).append('\n');
      String more = more();
      if (more == null) {
        return message.toString();
      }
      line = more;
    }
    String last = line.stripTrailing();
    String text = message.append(last, 0, last.length() - QUOTES.length()).toString();
    return text.startsWith("\n") ? text.substring(1) : text;
  }

  private @Nullable String more() {
    try {
      return screen.readLine(MORE);
    } catch (PromptInterruptedException e) {
      throw new PromptInterruptedException(true);
    }
  }
}
