package io.vquant.tokenizer.chat.jinja;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters of text; any other value is taken as it prints. */
final class TextFilters {
  private static final int CENTER_WIDTH = 80;
  private static final int TRUNCATE_LENGTH = 255;
  private static final int TRUNCATE_LEEWAY = 5;

  private TextFilters() {}

  static Object trim(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "trim", 0, "chars");
    Arguments chars =
        bound.hasValue(0) ? new Arguments(List.of(bound.text(0)), Map.of()) : Arguments.NONE;
    Callable strip =
        (Callable) Attributes.attribute(execution, Values.text(execution, value), "strip");
    return strip.call(execution, chars);
  }

  static Object center(Execution execution, @Nullable Object value, Arguments arguments) {
    int width = arguments.bind(execution, "center", 0, "width").integer(0, CENTER_WIDTH);
    return Padding.padded(
        execution, Values.text(execution, value), width, TrackedText.data(" "), "center");
  }

  static Object safe(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "safe", 0);
    return Values.text(execution, value).asMarkup();
  }

  static Object escape(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "escape", 0);
    return escaped(execution, Values.text(execution, value));
  }

  /** The text as safe HTML; unchanged if it is that already. */
  static TrackedText escaped(Execution execution, TrackedText text) {
    if (text.isMarkup()) {
      return text;
    }
    execution.chargeText(text.length());
    TrackedText.Builder out = new TrackedText.Builder();
    for (int i = 0; i < text.length(); i++) {
      String escaped =
          switch (text.text().charAt(i)) {
            case '&' -> "&amp;";
            case '<' -> "&lt;";
            case '>' -> "&gt;";
            case '\'' -> "&#39;";
            case '"' -> "&#34;";
            default -> null;
          };
      if (escaped == null) {
        out.append(text, i, i + 1);
      } else {
        out.append(escaped, text.fromTemplate(i));
        execution.checkText(out.length());
      }
    }
    execution.chargeText(out.length());
    return out.build().asMarkup();
  }

  static Object format(Execution execution, @Nullable Object value, Arguments arguments) {
    Object values = Tuple.copyOf(arguments.positional());
    if (!arguments.keywords().isEmpty()) {
      if (!arguments.positional().isEmpty()) {
        throw execution.failure("format() takes values by position or by name, not both");
      }
      values = Globals.dict(execution, arguments);
    }
    return PercentFormat.format(execution, Values.text(execution, value), values);
  }

  static Object indent(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "indent", 0, "width", "first", "blank");
    if (!(value instanceof TrackedText text)) {
      throw execution.failure(
          value instanceof Undefined undefined
              ? undefined.reason()
              : "indent() needs a string, found " + Values.typeName(value));
    }
    TrackedText indentation =
        bound.get(0) instanceof TrackedText given ? given : spaces(execution, bound.integer(0, 4));
    TrackedText newline = TrackedText.trusted("\n");
    boolean blank = bound.flag(2, false);
    TrackedText.Builder out = new TrackedText.Builder();
    List<Object> lines = PythonText.lines(execution, text.plus(newline), false);
    for (int i = 0; i < lines.size(); i++) {
      TrackedText line = (TrackedText) lines.get(i);
      if (i > 0) {
        StringMethods.append(execution, out, newline);
      }
      if (i == 0 ? bound.flag(1, false) : blank || !line.isEmpty()) {
        StringMethods.append(execution, out, indentation);
      }
      StringMethods.append(execution, out, line);
    }
    return out.build();
  }

  private static TrackedText spaces(Execution execution, int width) {
    execution.chargeText(width);
    return TrackedText.trusted(" ".repeat(Math.max(0, width)));
  }

  static Object join(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "join", 0, "d", "attribute");
    List<Object> texts = new ArrayList<>();
    for (Object element : Values.elements(execution, value)) {
      texts.add(
          Values.text(
              execution,
              bound.hasValue(1)
                  ? SelectionFilters.path(execution, element, bound.get(1))
                  : element));
    }
    return StringMethods.joined(
        execution, bound.has(0) ? Values.text(execution, bound.get(0)) : TrackedText.EMPTY, texts);
  }

  static Object replace(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "replace", 2, "old", "new", "count");
    int count = bound.hasValue(2) ? bound.integer(2, -1) : -1;
    return StringMethods.replaced(
        execution,
        Values.text(execution, value),
        Values.text(execution, bound.get(0)),
        Values.text(execution, bound.get(1)),
        count);
  }

  /** Each word capitalized, where words end at blanks, hyphens and opening brackets. */
  static Object title(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "title", 0);
    TrackedText text = Values.text(execution, value);
    execution.charge(text.length());
    TrackedText.Builder out = new TrackedText.Builder();
    int begin = 0;
    for (int i = 0; i <= text.length(); i++) {
      if (i == text.length() || isWordBreak(text.text().charAt(i))) {
        out.append(titledWord(execution, text.substring(begin, i)));
        out.append(text, i, Math.min(i + 1, text.length()));
        begin = i + 1;
      }
    }
    return out.build();
  }

  private static boolean isWordBreak(char c) {
    return "-({[<".indexOf(c) >= 0 || PythonText.isSpace(c);
  }

  private static TrackedText titledWord(Execution execution, TrackedText word) {
    if (word.isEmpty()) {
      return word;
    }
    int first = Character.charCount(word.text().codePointAt(0));
    return PythonText.upper(execution, word.substring(0, first))
        .plus(PythonText.lower(execution, word.substring(first)));
  }

  static Object truncate(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(execution, "truncate", 0, "length", "killwords", "end", "leeway");
    TrackedText text = Values.text(execution, value);
    int length = bound.integer(0, TRUNCATE_LENGTH);
    TrackedText end = bound.text(2, TrackedText.trusted("..."));
    long leeway = bound.hasValue(3) ? bound.integer(3, 0) : TRUNCATE_LEEWAY;
    int endLength = PythonText.length(execution, end);
    if (length < endLength || leeway < 0) {
      throw execution.failure(
          "truncate() expects a length of at least " + endLength + " and a leeway of at least 0");
    }
    if (PythonText.length(execution, text) <= length + leeway) {
      return text;
    }
    TrackedText kept = text.substring(0, PythonText.offset(text, length - endLength));
    int space = kept.text().lastIndexOf(' ');
    return (bound.flag(1, false) || space < 0 ? kept : kept.substring(0, space)).plus(end);
  }

  static Object wordCount(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "wordcount", 0);
    TrackedText text = Values.text(execution, value);
    execution.chargeText(text.length());
    long count = 0;
    boolean inWord = false;
    for (int c : text.text().codePoints().toArray()) {
      boolean isWord = Character.isLetterOrDigit(c) || c == '_';
      count += isWord && !inWord ? 1 : 0;
      inWord = isWord;
    }
    return count;
  }

  /** Percent escapes of UTF-8; of a mapping or of pairs, a query string. */
  static Object urlencode(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "urlencode", 0);
    if (value instanceof TrackedText || !Values.isIterable(value)) {
      return TrackedText.data(quoted(execution, Values.text(execution, value), "/"));
    }
    List<Object> pairs =
        value instanceof Map<?, ?> map
            ? Attributes.items(execution, map)
            : Values.elements(execution, value);
    List<Object> parts = new ArrayList<>();
    for (Object pair : pairs) {
      List<Object> both = Values.elements(execution, pair);
      if (both.size() != 2) {
        throw execution.failure(
            "urlencode() takes pairs of a key and a value, found " + both.size() + " values");
      }
      String key = quoted(execution, Values.text(execution, both.get(0)), "").replace("%20", "+");
      parts.add(
          TrackedText.data(
              key
                  + "="
                  + quoted(execution, Values.text(execution, both.get(1)), "")
                      .replace("%20", "+")));
    }
    return StringMethods.joined(execution, TrackedText.data("&"), parts);
  }

  private static String quoted(Execution execution, TrackedText text, String safe) {
    execution.chargeText(3L * text.length());
    StringBuilder out = new StringBuilder();
    for (byte unit : text.text().getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (unit & 0xff);
      boolean plain =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || "_.-~".indexOf(c) >= 0
              || safe.indexOf(c) >= 0;
      if (plain) {
        out.append(c);
      } else {
        out.append("%%%02X".formatted((int) c));
      }
    }
    return out.toString();
  }
}
