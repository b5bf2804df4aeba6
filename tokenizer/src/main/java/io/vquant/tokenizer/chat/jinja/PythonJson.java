package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's {@code json.dumps}. All of its output counts as data. */
final class PythonJson {
  private static final HexFormat HEX = HexFormat.of();

  private final Execution execution;
  private final boolean asciiOnly;
  private final @Nullable String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean sortKeys;
  private final StringBuilder out = new StringBuilder();

  private PythonJson(
      Execution execution,
      boolean asciiOnly,
      @Nullable String indent,
      String itemSeparator,
      String keySeparator,
      boolean sortKeys) {
    this.execution = execution;
    this.asciiOnly = asciiOnly;
    this.indent = indent;
    this.itemSeparator = itemSeparator;
    this.keySeparator = keySeparator;
    this.sortKeys = sortKeys;
  }

  /**
   * The filter {@code tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)}.
   */
  static TrackedText filter(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(execution, "tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    String indent = null;
    if (bound.hasValue(1)) {
      indent =
          bound.get(1) instanceof TrackedText text
              ? text.text()
              : spaces(execution, bound.integer(1, 0));
    }
    String itemSeparator = indent == null ? ", " : ",";
    String keySeparator = ": ";
    if (bound.hasValue(2)) {
      if (!(bound.get(2) instanceof List<?> pair
          && pair.size() == 2
          && pair.get(0) instanceof TrackedText item
          && pair.get(1) instanceof TrackedText key)) {
        throw execution.failure("tojson() expects two strings as 'separators'");
      }
      itemSeparator = item.text();
      keySeparator = key.text();
    }
    PythonJson json =
        new PythonJson(
            execution,
            bound.flag(0, false),
            indent,
            itemSeparator,
            keySeparator,
            bound.flag(3, false));
    json.append(value, 0);
    return TrackedText.data(json.out.toString());
  }

  private static String spaces(Execution execution, int width) {
    execution.chargeText(width);
    return " ".repeat(Math.max(0, width));
  }

  private void append(@Nullable Object value, int level) {
    execution.enter();
    switch (value) {
      case null -> out.append("null");
      case Boolean flag -> out.append(flag.booleanValue());
      case TrackedText text -> quoted(text.text());
      case Range range -> throw unsupported(range);
      case List<?> list -> list(list, level);
      case Map<?, ?> map -> map(map, level);
      default -> {
        if (!Numbers.isNumber(value)) {
          throw unsupported(value);
        }
        out.append(number(value));
      }
    }
    execution.leave();
    execution.checkText(out.length());
  }

  private TemplateException unsupported(Object value) {
    return execution.failure(
        value instanceof Undefined undefined
            ? "tojson: " + undefined.reason()
            : "tojson: a value of type " + Values.typeName(value) + " has no JSON form");
  }

  private static String number(Object value) {
    String shown = Numbers.shown(value);
    return switch (shown) {
      case "nan" -> "NaN";
      case "inf" -> "Infinity";
      case "-inf" -> "-Infinity";
      default -> shown;
    };
  }

  private void list(List<?> list, int level) {
    out.append('[');
    for (int i = 0; i < list.size(); i++) {
      separate(i == 0, level + 1);
      append(list.get(i), level + 1);
    }
    close(list.isEmpty(), level, ']');
  }

  private void map(Map<?, ?> map, int level) {
    List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
    if (sortKeys) {
      entries.sort(
          Comparator.comparing(Map.Entry::getKey, (a, b) -> Values.compare(execution, a, b)));
    }
    out.append('{');
    boolean first = true;
    for (Map.Entry<?, ?> entry : entries) {
      separate(first, level + 1);
      first = false;
      quoted(key(entry.getKey()));
      out.append(keySeparator);
      append(entry.getValue(), level + 1);
    }
    close(first, level, '}');
  }

  private String key(@Nullable Object key) {
    return switch (key) {
      case TrackedText text -> text.text();
      case null -> "null";
      case Boolean flag -> flag.toString();
      default -> {
        if (!Numbers.isNumber(key)) {
          throw execution.failure(
              "tojson: keys must be strings, numbers, booleans or None, found "
                  + Values.typeName(key));
        }
        yield number(key);
      }
    };
  }

  private void separate(boolean isFirst, int level) {
    out.append(isFirst ? "" : itemSeparator);
    newLine(level);
  }

  private void close(boolean isEmpty, int level, char bracket) {
    if (!isEmpty) {
      newLine(level);
    }
    out.append(bracket);
  }

  private void newLine(int level) {
    if (indent != null) {
      execution.chargeText((long) indent.length() * level);
      out.append('\n').repeat(indent, level);
      execution.checkText(out.length());
    }
  }

  private void quoted(String text) {
    execution.chargeText(text.length());
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < 0x20 || (asciiOnly && c > 0x7e)) {
            out.append("\\u").append(HEX.toHexDigits(c));
            execution.charge(1);
            execution.checkText(out.length());
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
