package io.vquant.engine.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** A JSON object in the making, its fields in the order they were put. */
final class JsonText {
  private final Map<String, @Nullable Object> fields = new LinkedHashMap<>();

  JsonText put(String name, @Nullable Object value) {
    fields.put(name, value instanceof JsonText nested ? nested.fields : value);
    return this;
  }

  /** Puts a time, to the microsecond. */
  JsonText putMillis(String name, double millis) {
    return put(name, Math.round(millis * 1000) / 1000.0);
  }

  /** The fields, for a list of objects; not to be changed. */
  Map<String, @Nullable Object> fields() {
    return fields;
  }

  /** One line. */
  String compact() {
    return JsonMapper.shared().writeValueAsString(fields);
  }
}
