package io.vquant.tokenizer.chat;

import io.vquant.tokenizer.TokenizerSettings;
import io.vquant.tokenizer.chat.jinja.JinjaLimits;
import io.vquant.tokenizer.chat.jinja.JinjaTemplate;
import io.vquant.tokenizer.chat.jinja.TrackedText;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One chat template with the special tokens of its model. Immutable, for any number of threads. */
public final class ChatTemplate {
  private final String source;
  private final JinjaTemplate template;
  private final TokenizerSettings settings;

  private ChatTemplate(String source, TokenizerSettings settings) {
    this.source = source;
    this.settings = settings;
    template = JinjaTemplate.parse(source);
  }

  /**
   * Parses a template.
   *
   * @param settings of the model: a template sees its special tokens by name ({@code bos_token}),
   *     and they count as the template's own text
   * @throws io.vquant.tokenizer.chat.jinja.TemplateException if the source is not a template that
   *     the engine can run
   */
  public static ChatTemplate parse(String source, TokenizerSettings settings) {
    return new ChatTemplate(source, settings);
  }

  /** The text of the template. */
  public String source() {
    return source;
  }

  /**
   * Renders a conversation.
   *
   * @throws io.vquant.tokenizer.chat.jinja.TemplateException if the template refuses the
   *     conversation, or fails on it
   */
  public RenderedChat render(ChatRequest request) {
    Map<String, @Nullable Object> context = new LinkedHashMap<>();
    settings
        .specialTokens()
        .forEach((name, content) -> context.put(name, TrackedText.trusted(content)));
    if (!settings.additionalSpecialTokens().isEmpty()) {
      context.put(
          "additional_special_tokens",
          settings.additionalSpecialTokens().stream().map(TrackedText::trusted).toList());
    }
    context.putAll(request.arguments());
    context.put("messages", request.messages().stream().map(ChatMessage::fields).toList());
    context.put("tools", request.tools());
    context.put("documents", request.documents());
    context.put("add_generation_prompt", request.addGenerationPrompt());
    return new RenderedChat(template.render(context, JinjaLimits.standard()));
  }
}
