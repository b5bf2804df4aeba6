package io.vquant.tokenizer.chat.jinja;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Reads test cases from JSON. */
final class JsonCases {
  private static final TypeReference<List<Map<String, Object>>> CASES = new TypeReference<>() {};

  private JsonCases() {}

  /** Cases beside this class. */
  static List<Map<String, Object>> resource(String name) {
    return read(name, CASES);
  }

  /** One object beside this class. */
  static Map<String, Object> object(String name) {
    return read(name, new TypeReference<Map<String, Object>>() {});
  }

  private static <T> T read(String name, TypeReference<T> type) {
    try (InputStream in = Objects.requireNonNull(JsonCases.class.getResourceAsStream(name), name)) {
      return JsonMapper.shared().readValue(in, type);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Real chat templates from the shared data, or null where that folder is absent. */
  static @Nullable List<Map<String, Object>> sharedTemplates() {
    String shared = System.getProperty("vquant.test.shared");
    if (shared == null || !Files.isDirectory(Path.of(shared))) {
      return null;
    }
    return JsonMapper.shared()
        .readValue(Path.of(shared, "data", "chat-template-cases.json").toFile(), CASES);
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> data(Map<String, Object> testCase) {
    return (Map<String, Object>) testCase.get("data");
  }

  static String string(Map<String, Object> testCase, String field) {
    return (String) testCase.get(field);
  }
}
