package io.vquant.tokenizer.chat;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One message, in the terms of transformers' {@code apply_chat_template}.
 *
 * @param role such as {@code system}, {@code user}, {@code assistant}, {@code tool}
 * @param content mostly a string; a list of parts for templates that take several; null where a
 *     message has only tool calls
 * @param more further fields that templates may read ({@code tool_calls}, {@code tool_call_id},
 *     {@code name}, {@code reasoning_content}), as JSON values: null, Boolean, Integer, Long,
 *     BigInteger, Double, String, List, Map with string keys
 */
public record ChatMessage(
    String role, @Nullable Object content, Map<String, @Nullable Object> more) {

  /**
   * Checks the values.
   *
   * @throws IllegalArgumentException if a value is not JSON, or {@code more} has a field {@code
   *     role} or {@code content}
   */
  public ChatMessage {
    more = Collections.unmodifiableMap(new LinkedHashMap<>(more));
    if (more.containsKey("role") || more.containsKey("content")) {
      throw new IllegalArgumentException("message: 'role' and 'content' are given twice");
    }
    JsonValues.require("message.content", content);
    JsonValues.require("message", more);
  }

  /** A message that is all text. */
  public ChatMessage(String role, String content) {
    this(role, content, Map.of());
  }

  public static ChatMessage system(String content) {
    return new ChatMessage("system", content);
  }

  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }

  public static ChatMessage assistant(String content) {
    return new ChatMessage("assistant", content);
  }

  /** The fields as a template sees them. */
  Map<String, @Nullable Object> fields() {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    fields.putAll(more);
    return fields;
  }
}
