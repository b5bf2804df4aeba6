package io.vquant.tokenizer.chat.jinja;

/** The template itself refused its input with {@code raise_exception(message)}. */
public final class TemplateRaisedException extends TemplateException {
  private static final long serialVersionUID = 1L;

  private final String raisedMessage;

  TemplateRaisedException(int line, String raisedMessage) {
    super(line, "the template refuses its input: " + raisedMessage);
    this.raisedMessage = raisedMessage;
  }

  /** The template's own words, unchanged. */
  public String raisedMessage() {
    return raisedMessage;
  }
}
