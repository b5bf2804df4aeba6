package io.vquant.tokenizer.chat;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What may be handed to a template. */
final class JsonValues {
  private static final int MAX_DEPTH = 200;

  private JsonValues() {}

  /**
   * @throws IllegalArgumentException if the value is not JSON, or nested deeper than 200
   */
  static void require(String field, @Nullable Object value) {
    require(field, value, 0);
  }

  private static void require(String field, @Nullable Object value, int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException(
          "%s: nested deeper than %d"
              .formatted(field.substring(0, Math.min(field.length(), 80)), MAX_DEPTH));
    }
    switch (value) {
      case null -> {}
      case String _, Boolean _, Integer _, Long _, BigInteger _, Double _ -> {}
      case List<?> list -> {
        for (int i = 0; i < list.size(); i++) {
          require(field + "[" + i + "]", list.get(i), depth + 1);
        }
      }
      case Map<?, ?> map -> {
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          if (!(entry.getKey() instanceof String name)) {
            throw new IllegalArgumentException(
                "%s: expected names that are strings, found %s".formatted(field, entry.getKey()));
          }
          require(field + "." + name, entry.getValue(), depth + 1);
        }
      }
      default ->
          throw new IllegalArgumentException(
              "%s: expected a JSON value, found a %s".formatted(field, value.getClass().getName()));
    }
  }
}
