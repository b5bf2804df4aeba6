package io.vquant.engine.cli;

import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Conversations in JSON files, in the form that {@link ChatFile} reads. */
final class SavedChat {
  private SavedChat() {}

  /** Writes a list of messages; an object with one where the template gets more than messages. */
  static void write(String command, Path file, ChatRequest chat) {
    List<Map<String, @Nullable Object>> messages = new ArrayList<>();
    for (ChatMessage message : chat.messages()) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      fields.put("role", message.role());
      fields.put("content", message.content());
      fields.putAll(message.more());
      messages.add(fields);
    }
    Map<String, @Nullable Object> whole = new LinkedHashMap<>();
    whole.put("messages", messages);
    if (chat.tools() != null) {
      whole.put("tools", chat.tools());
    }
    if (chat.documents() != null) {
      whole.put("documents", chat.documents());
    }
    whole.putAll(chat.arguments());
    JsonMapper mapper = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    String json = mapper.writeValueAsString(whole.size() == 1 ? messages : whole);
    AtomicFile.write(command, file, (json + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads one.
   *
   * @throws CommandFailure if it cannot be read or is no conversation
   */
  static ChatRequest read(Path file) {
    String name = file.toString();
    String json = InputText.ofFile(name, InputStream.nullInputStream());
    ChatRequest chat = ChatFile.parse(name, json, false);
    for (ChatMessage message : chat.messages()) {
      if (message.content() instanceof String text) {
        InputText.requireWellFormed(text, name + ": a message of " + message.role());
      }
    }
    return chat;
  }
}
