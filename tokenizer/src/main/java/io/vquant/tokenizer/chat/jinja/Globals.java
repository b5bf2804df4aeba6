package io.vquant.tokenizer.chat.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The names that every template sees. */
final class Globals {
  private Globals() {}

  private static final Map<String, Object> TABLE =
      Map.of(
          "range", (Callable) Globals::range,
          "dict", (Callable) Globals::dict,
          "namespace",
              (Callable) (execution, arguments) -> new Namespace(attributes(execution, arguments)),
          "raise_exception", (Callable) Globals::raise,
          "strftime_now", (Callable) Globals::strftimeNow);

  static Map<String, Object> table() {
    return TABLE;
  }

  private static Object range(Execution execution, Arguments arguments) {
    List<Object> numbers = arguments.positional();
    if (!arguments.keywords().isEmpty() || numbers.isEmpty() || numbers.size() > 3) {
      throw execution.failure("range() takes one to three integers");
    }
    long[] bounds = new long[numbers.size()];
    for (int i = 0; i < bounds.length; i++) {
      if (!Numbers.isInteger(numbers.get(i))
          || Numbers.integer(numbers.get(i)).bitLength() >= Long.SIZE) {
        throw execution.failure(
            numbers.get(i) instanceof Undefined undefined
                ? undefined.reason()
                : "range() takes integers, found " + Values.typeName(numbers.get(i)));
      }
      bounds[i] = Numbers.integer(numbers.get(i)).longValue();
    }
    return switch (bounds.length) {
      case 1 -> Range.of(execution, 0, bounds[0], 1);
      case 2 -> Range.of(execution, bounds[0], bounds[1], 1);
      default -> Range.of(execution, bounds[0], bounds[1], bounds[2]);
    };
  }

  static Object dict(Execution execution, Arguments arguments) {
    Map<Object, Object> entries = new LinkedHashMap<>();
    for (Object source : arguments.positional()) {
      entries.putAll(entries(execution, source));
    }
    arguments.keywords().forEach((name, value) -> entries.put(TrackedText.data(name), value));
    execution.charge(entries.size());
    return entries;
  }

  private static Map<Object, Object> entries(Execution execution, Object source) {
    Map<Object, Object> entries = new LinkedHashMap<>();
    if (source instanceof Map<?, ?> map) {
      execution.charge(map.size());
      entries.putAll(map);
      return entries;
    }
    for (Object pair : Values.elements(execution, source)) {
      List<Object> parts = Values.elements(execution, pair);
      if (parts.size() != 2) {
        throw execution.failure(
            "dict() takes pairs of a key and a value, found " + parts.size() + " values");
      }
      entries.put(Values.key(execution, parts.get(0)), parts.get(1));
    }
    return entries;
  }

  private static Map<String, Object> attributes(Execution execution, Arguments arguments) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    if (dict(execution, arguments) instanceof Map<?, ?> entries) {
      entries.forEach((name, value) -> attributes.put(Values.text(execution, name).text(), value));
    }
    return attributes;
  }

  private static Object raise(Execution execution, Arguments arguments) {
    Object message = arguments.bind(execution, "raise_exception", 1, "message").get(0);
    throw new TemplateRaisedException(execution.line(), Values.text(execution, message).text());
  }

  private static Object strftimeNow(Execution execution, Arguments arguments) {
    TrackedText format = arguments.bind(execution, "strftime_now", 1, "format").text(0);
    return TrackedText.data(DateFormat.format(execution, format.text()));
  }
}
