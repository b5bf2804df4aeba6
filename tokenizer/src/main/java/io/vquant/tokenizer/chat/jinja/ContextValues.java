package io.vquant.tokenizer.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Brings the caller's values into the interpreter's own forms. */
final class ContextValues {
  private ContextValues() {}

  static Map<String, Object> of(Map<String, ?> context, Execution execution) {
    Map<String, Object> values = new LinkedHashMap<>();
    context.forEach((name, value) -> values.put(name, of(value, name, execution)));
    return values;
  }

  private static Object of(Object value, String name, Execution execution) {
    return switch (value) {
      case null -> null;
      case String text -> TrackedText.data(text);
      case TrackedText text -> text;
      case Boolean flag -> flag;
      case Long number -> number;
      case Integer number -> Long.valueOf(number);
      case BigInteger number -> Numbers.bounded(execution, number);
      case Double number -> number;
      case Float number -> Double.valueOf(number);
      case List<?> list -> {
        execution.enter();
        execution.charge(list.size());
        List<Object> items = new ArrayList<>(list.size());
        for (Object item : list) {
          items.add(of(item, name, execution));
        }
        execution.leave();
        yield Collections.unmodifiableList(items);
      }
      case Map<?, ?> map -> {
        execution.enter();
        execution.charge(map.size());
        Map<Object, Object> entries = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          if (!(entry.getKey() instanceof String key)) {
            throw new IllegalArgumentException(
                "context value '"
                    + name
                    + "' has a map whose key is not a String: "
                    + entry.getKey());
          }
          entries.put(TrackedText.data(key), of(entry.getValue(), name, execution));
        }
        execution.leave();
        yield Collections.unmodifiableMap(entries);
      }
      default ->
          throw new IllegalArgumentException(
              "context value '"
                  + name
                  + "' holds a "
                  + value.getClass().getName()
                  + ", which no template can read");
    };
  }
}
