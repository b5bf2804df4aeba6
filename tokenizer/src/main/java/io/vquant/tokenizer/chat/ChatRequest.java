package io.vquant.tokenizer.chat;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a template is asked to render, in the terms of transformers' {@code apply_chat_template}.
 *
 * @param tools JSON schemas of functions; null for none
 * @param documents for retrieval; null for none
 * @param addGenerationPrompt whether the prompt ends where the assistant begins to speak
 * @param templateName of a model with several templates; null to choose as transformers does
 * @param arguments further variables of the template, such as {@code enable_thinking}; they win
 *     over the special tokens' names
 */
public record ChatRequest(
    List<ChatMessage> messages,
    @Nullable List<?> tools,
    @Nullable List<?> documents,
    boolean addGenerationPrompt,
    @Nullable String templateName,
    Map<String, @Nullable Object> arguments) {
  private static final List<String> OWN_NAMES =
      List.of("messages", "tools", "documents", "add_generation_prompt");

  /**
   * Checks the values.
   *
   * @throws IllegalArgumentException if a value is not JSON, or an argument has the name of one of
   *     the other parts
   */
  public ChatRequest {
    messages = List.copyOf(messages);
    arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
    for (String name : OWN_NAMES) {
      if (arguments.containsKey(name)) {
        throw new IllegalArgumentException(
            "template argument '%s': not free, it belongs to the request".formatted(name));
      }
    }
    JsonValues.require("tools", tools);
    JsonValues.require("documents", documents);
    JsonValues.require("arguments", arguments);
  }

  /** Messages that an answer shall follow. */
  public static ChatRequest of(List<ChatMessage> messages) {
    return new ChatRequest(messages, null, null, true, null, Map.of());
  }

  public ChatRequest withTools(List<?> functions) {
    return new ChatRequest(
        messages, functions, documents, addGenerationPrompt, templateName, arguments);
  }

  public ChatRequest withoutGenerationPrompt() {
    return new ChatRequest(messages, tools, documents, false, templateName, arguments);
  }

  public ChatRequest withTemplate(String name) {
    return new ChatRequest(messages, tools, documents, addGenerationPrompt, name, arguments);
  }

  public ChatRequest withArguments(Map<String, @Nullable Object> values) {
    return new ChatRequest(messages, tools, documents, addGenerationPrompt, templateName, values);
  }
}
