package io.vquant.engine.cli;

import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * A conversation in a JSON file: a list of messages, or an object with {@code messages} and what
 * transformers' {@code apply_chat_template} takes beside them ({@code tools}, {@code documents},
 * {@code add_generation_prompt}, further variables of the template).
 */
final class ChatFile {
  private final String file;

  private ChatFile(String file) {
    this.file = file;
  }

  /**
   * Reads a conversation.
   *
   * @param file the name that messages give it
   * @param addGenerationPrompt used where the file does not say
   * @throws CommandFailure if it is not JSON or not a conversation
   */
  static ChatRequest parse(String file, String json, boolean addGenerationPrompt) {
    return new ChatFile(file).request(json, addGenerationPrompt);
  }

  private ChatRequest request(String json, boolean addGenerationPrompt) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    Object value = read(json);
    if (value instanceof Map<?, ?> object) {
      object.forEach((name, field) -> fields.put(String.valueOf(name), field));
    } else {
      fields.put("messages", value);
    }
    if (!(fields.remove("messages") instanceof List<?> messages)) {
      throw bad("messages", "a list of messages, or an object with one");
    }
    boolean prompt = flag(fields, "add_generation_prompt", addGenerationPrompt);
    List<?> tools = list(fields, "tools");
    List<?> documents = list(fields, "documents");
    try {
      return new ChatRequest(messages(messages), tools, documents, prompt, null, fields);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.badInput(file + ": " + e.getMessage(), e);
    }
  }

  private @Nullable Object read(String json) {
    try {
      return JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build()
          .readValue(json, Object.class);
    } catch (JacksonException e) {
      String place =
          e.getLocation() == null
              ? ""
              : " at line "
                  + e.getLocation().getLineNr()
                  + ", column "
                  + e.getLocation().getColumnNr();
      throw CommandFailure.badInput(file + ": not JSON" + place + ": " + e.getOriginalMessage(), e);
    }
  }

  private List<ChatMessage> messages(List<?> values) {
    List<ChatMessage> messages = new ArrayList<>();
    for (Object value : values) {
      String place = "messages[" + messages.size() + "]";
      if (!(value instanceof Map<?, ?> object)) {
        throw bad(place, "an object with role and content");
      }
      Map<String, @Nullable Object> more = new LinkedHashMap<>();
      object.forEach((name, field) -> more.put(String.valueOf(name), field));
      if (!(more.remove("role") instanceof String role)) {
        throw bad(place + ".role", "a string");
      }
      Object content = more.remove("content");
      messages.add(new ChatMessage(role, content, more));
    }
    return messages;
  }

  private boolean flag(Map<String, @Nullable Object> fields, String name, boolean whenAbsent) {
    Object value = fields.remove(name);
    if (value == null) {
      return whenAbsent;
    }
    if (!(value instanceof Boolean flag)) {
      throw bad(name, "true or false");
    }
    return flag;
  }

  private @Nullable List<?> list(Map<String, @Nullable Object> fields, String name) {
    Object value = fields.remove(name);
    if (value != null && !(value instanceof List<?>)) {
      throw bad(name, "a list");
    }
    return (List<?>) value;
  }

  private CommandFailure bad(String field, String expected) {
    return CommandFailure.badInput(file + ": " + field + ": expected " + expected);
  }
}
