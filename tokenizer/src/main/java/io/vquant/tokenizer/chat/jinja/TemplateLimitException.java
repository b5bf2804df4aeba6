package io.vquant.tokenizer.chat.jinja;

/** A template that asks for more than its {@link JinjaLimits}. */
public final class TemplateLimitException extends TemplateException {
  private static final long serialVersionUID = 1L;

  TemplateLimitException(int line, String reason) {
    super(line, reason);
  }
}
