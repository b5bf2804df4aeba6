package io.vquant.tokenizer.chat.jinja;

/**
 * A template that cannot be parsed or rendered. The message is one line and starts with the
 * template's line number.
 */
public class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int MAX_REASON_CHARS = 500;

  private final int line;

  /**
   * @param line line of the template, from 1
   * @param reason what was found and what was expected; line breaks in it are escaped
   */
  public TemplateException(int line, String reason) {
    super("template line " + line + ": " + oneLine(reason));
    this.line = line;
  }

  /** The line of the template, from 1. */
  public int line() {
    return line;
  }

  private static String oneLine(String reason) {
    String shown =
        reason.length() <= MAX_REASON_CHARS
            ? reason
            : reason.substring(0, MAX_REASON_CHARS) + "...";
    return shown.replace("\r", "\\r").replace("\n", "\\n");
  }
}
