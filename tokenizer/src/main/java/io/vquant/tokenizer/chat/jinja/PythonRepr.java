package io.vquant.tokenizer.chat.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's {@code repr()}: what a list, dict, number, True or None looks like in the output. */
final class PythonRepr {
  private final Execution execution;
  private final StringBuilder out = new StringBuilder();

  private PythonRepr(Execution execution) {
    this.execution = execution;
  }

  static String of(Execution execution, @Nullable Object value) {
    PythonRepr repr = new PythonRepr(execution);
    repr.append(value);
    return repr.out.toString();
  }

  private void append(@Nullable Object value) {
    execution.enter();
    switch (value) {
      case null -> out.append("None");
      case Boolean flag -> out.append(flag ? "True" : "False");
      case TrackedText text -> quoted(text.text());
      case Range range -> out.append(range.shown());
      case Tuple tuple -> items(tuple, "(", tuple.size() == 1 ? ",)" : ")");
      case List<?> list -> items(list, "[", "]");
      case Map<?, ?> map -> entries(map);
      case Namespace namespace -> {
        out.append("<Namespace ");
        entries(namespace.attributes());
        out.append('>');
      }
      case Undefined undefined -> out.append("Undefined");
      case Macro macro -> out.append("<Macro '").append(macro.name()).append("'>");
      default ->
          out.append(
              Numbers.isNumber(value) ? Numbers.shown(value) : "<" + Values.typeName(value) + ">");
    }
    execution.leave();
    execution.checkText(out.length());
  }

  private void items(List<?> items, String open, String close) {
    out.append(open);
    for (int i = 0; i < items.size(); i++) {
      out.append(i == 0 ? "" : ", ");
      append(items.get(i));
    }
    out.append(close);
  }

  private void entries(Map<?, ?> map) {
    out.append('{');
    boolean first = true;
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      out.append(first ? "" : ", ");
      first = false;
      if (entry.getKey() instanceof String name) {
        quoted(name);
      } else {
        append(entry.getKey());
      }
      out.append(": ");
      append(entry.getValue());
    }
    out.append('}');
  }

  private void quoted(String text) {
    execution.chargeText(text.length());
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c == '\\' || c == quote) {
            out.append('\\').append((char) c);
          } else if (isPrintable(c)) {
            out.appendCodePoint(c);
          } else {
            execution.charge(1);
            execution.checkText(out.length());
            out.append(
                c < 0x100
                    ? "\\x%02x".formatted(c)
                    : c < 0x10000 ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c));
          }
        }
      }
    }
    out.append(quote);
  }

  private static boolean isPrintable(int codePoint) {
    return codePoint == ' '
        || switch (Character.getType(codePoint)) {
          case Character.CONTROL,
              Character.FORMAT,
              Character.SURROGATE,
              Character.PRIVATE_USE,
              Character.UNASSIGNED,
              Character.LINE_SEPARATOR,
              Character.PARAGRAPH_SEPARATOR,
              Character.SPACE_SEPARATOR ->
              false;
          default -> true;
        };
  }
}
