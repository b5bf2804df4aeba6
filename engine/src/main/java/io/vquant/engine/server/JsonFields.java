package io.vquant.engine.server;

import java.math.BigInteger;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The fields of an object in a request, read by type. A field with null is as good as absent. What
 * was not asked for in the end is refused: nothing is ignored in silence.
 */
final class JsonFields {
  private final String path;
  private final Map<String, @Nullable Object> values;
  private final Set<String> read = new HashSet<>();

  /**
   * @param path of the object in the request, empty for the whole
   */
  JsonFields(String path, Map<String, @Nullable Object> values) {
    this.path = path;
    this.values = values;
  }

  /**
   * The fields of a value.
   *
   * @throws ApiFailure if it is not an object
   */
  static JsonFields of(String path, @Nullable Object value) {
    if (!(value instanceof Map<?, ?> map)) {
      throw ApiFailure.badField(path, "is " + kind(value) + ", expected an object");
    }
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    map.forEach((name, field) -> values.put(String.valueOf(name), field));
    return new JsonFields(path, values);
  }

  /** How messages name a field. */
  String name(String field) {
    return path.isEmpty() ? field : path + "." + field;
  }

  boolean has(String field) {
    return values.get(field) != null;
  }

  /** The value as it is; null if absent. */
  @Nullable Object any(String field) {
    read.add(field);
    return values.get(field);
  }

  @Nullable String string(String field) {
    Object value = any(field);
    if (value != null && !(value instanceof String)) {
      throw bad(field, "a string");
    }
    return (String) value;
  }

  String requiredString(String field) {
    String value = string(field);
    if (value == null) {
      throw ApiFailure.badField(name(field), "is missing, expected a string");
    }
    return value;
  }

  boolean flag(String field, boolean whenAbsent) {
    Object value = any(field);
    if (value != null && !(value instanceof Boolean)) {
      throw bad(field, "true or false");
    }
    return value == null ? whenAbsent : (Boolean) value;
  }

  /** A whole number from {@code min} to {@code max}. */
  @Nullable Long integer(String field, long min, long max) {
    Object value = any(field);
    if (value == null) {
      return null;
    }
    String expected = "a whole number from " + min + " to " + max;
    if (!(value instanceof Integer) && !(value instanceof Long)) {
      throw bad(field, expected);
    }
    long number = ((Number) value).longValue();
    if (number < min || number > max) {
      throw bad(field, expected);
    }
    return number;
  }

  int integer(String field, int min, int max, int whenAbsent) {
    Long value = integer(field, min, max);
    return value == null ? whenAbsent : (int) (long) value;
  }

  /** A number from {@code min} to {@code max}. */
  @Nullable Double number(String field, double min, double max) {
    Object value = any(field);
    if (value == null) {
      return null;
    }
    boolean isNumber =
        value instanceof Integer
            || value instanceof Long
            || value instanceof Double
            || value instanceof BigInteger;
    double number = isNumber ? ((Number) value).doubleValue() : Double.NaN;
    if (!(number >= min && number <= max)) {
      throw bad(field, "a number from " + min + " to " + max);
    }
    return number;
  }

  @Nullable List<?> list(String field) {
    Object value = any(field);
    if (value != null && !(value instanceof List)) {
      throw bad(field, "a list");
    }
    return (List<?>) value;
  }

  @Nullable JsonFields object(String field) {
    Object value = any(field);
    return value == null ? null : of(name(field), value);
  }

  /** Takes fields that change nothing in the answer. */
  void acceptWithoutEffect(String... fields) {
    read.addAll(List.of(fields));
  }

  /** All fields that nobody has asked for yet, which are then read. */
  Map<String, @Nullable Object> rest() {
    Map<String, @Nullable Object> rest = new LinkedHashMap<>();
    values.forEach((field, value) -> {
      if (read.add(field)) {
        rest.put(field, value);
      }
    });
    return rest;
  }

  /**
   * Refuses fields that were not read.
   *
   * @throws ApiFailure that names the first of them
   */
  void requireAllRead() {
    for (String field : values.keySet()) {
      if (!read.contains(field) && values.get(field) != null) {
        throw ApiFailure.badField(name(field), "is not supported here");
      }
    }
  }

  ApiFailure bad(String field, String expected) {
    return ApiFailure.badField(
        name(field), "is " + shown(values.get(field)) + ", expected " + expected);
  }

  private static String shown(@Nullable Object value) {
    return value instanceof Number || value instanceof Boolean ? value.toString() : kind(value);
  }

  /** What a value is, in words. */
  static String kind(@Nullable Object value) {
    return switch (value) {
      case null -> "null";
      case String text when text.length() <= 40 -> "\"" + text + "\"";
      case String _ -> "a string";
      case Boolean _ -> "a boolean";
      case Number _ -> "a number";
      case List<?> _ -> "a list";
      default -> "an object";
    };
  }
}
