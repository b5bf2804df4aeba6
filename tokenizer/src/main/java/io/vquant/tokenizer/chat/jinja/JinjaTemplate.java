package io.vquant.tokenizer.chat.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A parsed template; immutable, for any number of threads. */
public final class JinjaTemplate {
  private final List<Statement> body;

  private JinjaTemplate(List<Statement> body) {
    this.body = body;
  }

  /**
   * Parses within {@link JinjaLimits#standard()}.
   *
   * @throws TemplateException if the source is not a template of this subset
   */
  public static JinjaTemplate parse(String source) {
    return parse(source, JinjaLimits.standard());
  }

  /**
   * Parses within the source size and nesting depth of {@code limits}.
   *
   * @throws TemplateException if the source is not a template of this subset, or exceeds the limits
   */
  public static JinjaTemplate parse(String source, JinjaLimits limits) {
    if (source.length() > limits.maxSourceChars()) {
      throw new TemplateLimitException(
          1,
          "the source has %d characters, at most %d are allowed"
              .formatted(source.length(), limits.maxSourceChars()));
    }
    TokenStream tokens = new TokenStream(new Lexer(source).tokens(), limits.maxNesting());
    return new JinjaTemplate(new StatementParser(tokens).template());
  }

  /**
   * Renders with the values of {@code context}: null, Boolean, Integer, Long, BigInteger, Double,
   * String (data), {@link TrackedText}, List and Map with string keys.
   *
   * @throws TemplateRaisedException if the template calls {@code raise_exception}
   * @throws TemplateLimitException if the rendering needs more than {@code limits}
   * @throws TemplateException if an operation is not possible on its values
   */
  public TrackedText render(Map<String, ? extends @Nullable Object> context, JinjaLimits limits) {
    Execution execution = new Execution(limits);
    Scope globals = new Scope(null, Globals.table());
    Scope given = new Scope(globals, ContextValues.of(context, execution));
    return new Renderer(execution).capture(body, given.child());
  }
}
