package io.vquant.engine.server;

import io.vquant.tokenizer.chat.ChatMessage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/** Messages as OpenAI writes them, to messages as chat templates read them. */
final class ChatMessages {
  private static final Set<String> ROLES =
      Set.of("system", "developer", "user", "assistant", "tool");

  private ChatMessages() {}

  static List<ChatMessage> read(JsonFields fields) {
    List<?> values = fields.list("messages");
    if (values == null || values.isEmpty()) {
      throw ApiFailure.badField("messages", "expected a list of at least one message");
    }
    List<ChatMessage> messages = new ArrayList<>();
    for (Object value : values) {
      messages.add(message("messages[" + messages.size() + "]", value));
    }
    return messages;
  }

  private static ChatMessage message(String path, @Nullable Object value) {
    JsonFields fields = JsonFields.of(path, value);
    String role = fields.requiredString("role");
    if (!ROLES.contains(role)) {
      throw ApiFailure.badField(
          path + ".role", "is \"" + role + "\", expected system, user, assistant or tool");
    }
    String content = content(path + ".content", fields.any("content"));
    Map<String, @Nullable Object> more = new LinkedHashMap<>();
    put(more, "name", fields.string("name"));
    put(more, "reasoning_content", fields.string("reasoning_content"));
    if (role.equals("tool")) {
      put(more, "tool_call_id", fields.string("tool_call_id"));
    }
    List<?> calls = role.equals("assistant") ? fields.list("tool_calls") : null;
    if (calls != null && !calls.isEmpty()) {
      more.put("tool_calls", toolCalls(path + ".tool_calls", calls));
    }
    if (content == null && !more.containsKey("tool_calls")) {
      throw ApiFailure.badField(path + ".content", "is missing, expected a string");
    }
    fields.acceptWithoutEffect("refusal", "annotations", "audio", "function_call");
    if (fields.has("audio") || fields.has("function_call")) {
      String field = fields.has("audio") ? "audio" : "function_call";
      throw ApiFailure.badField(path + "." + field, "is not supported here");
    }
    fields.requireAllRead();
    // templates know OpenAI's newer name for it under the older one
    return new ChatMessage(role.equals("developer") ? "system" : role, content, more);
  }

  private static void put(Map<String, @Nullable Object> more, String name, @Nullable String value) {
    if (value != null) {
      more.put(name, value);
    }
  }

  /** Text, or a list of parts that are all text, joined. */
  private static @Nullable String content(String path, @Nullable Object value) {
    if (value == null || value instanceof String) {
      return (String) value;
    }
    if (!(value instanceof List<?> parts)) {
      throw ApiFailure.badField(
          path, "is " + JsonFields.kind(value) + ", expected a string or a list of parts");
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < parts.size(); i++) {
      String partPath = path + "[" + i + "]";
      JsonFields part = JsonFields.of(partPath, parts.get(i));
      String type = part.requiredString("type");
      if (!type.equals("text")) {
        throw ApiFailure.badField(
            partPath + ".type", "is \"" + type + "\": this model reads text only");
      }
      text.append(part.requiredString("text"));
      part.requireAllRead();
    }
    return text.toString();
  }

  /** Templates want arguments as an object, where OpenAI has its JSON text. */
  private static List<Map<String, @Nullable Object>> toolCalls(String path, List<?> values) {
    List<Map<String, @Nullable Object>> calls = new ArrayList<>();
    for (Object value : values) {
      String callPath = path + "[" + calls.size() + "]";
      JsonFields fields = JsonFields.of(callPath, value);
      JsonFields function = fields.object("function");
      String type = fields.string("type");
      if (function == null || (type != null && !type.equals("function"))) {
        throw ApiFailure.badField(callPath, "expected a call of a function");
      }
      Map<String, @Nullable Object> named = new LinkedHashMap<>();
      named.put("name", function.requiredString("name"));
      named.put(
          "arguments", arguments(callPath + ".function.arguments", function.any("arguments")));
      function.requireAllRead();
      Map<String, @Nullable Object> call = new LinkedHashMap<>();
      put(call, "id", fields.string("id"));
      call.put("type", "function");
      call.put("function", named);
      fields.acceptWithoutEffect("index");
      fields.requireAllRead();
      calls.add(call);
    }
    return calls;
  }

  private static Object arguments(String path, @Nullable Object value) {
    Object arguments = value;
    if (value instanceof String text) {
      try {
        arguments = text.isBlank() ? Map.of() : Json.read(text);
      } catch (JacksonException e) {
        throw ApiFailure.badField(path, "is not JSON: " + e.getOriginalMessage());
      }
    }
    if (!(arguments instanceof Map)) {
      throw ApiFailure.badField(path, "expected the JSON text of an object");
    }
    return arguments;
  }
}
