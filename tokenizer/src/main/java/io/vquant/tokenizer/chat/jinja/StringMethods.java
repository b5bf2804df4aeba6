package io.vquant.tokenizer.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The methods of Python's {@code str}. */
final class StringMethods {
  /** A method, with the string that it is called on. */
  @FunctionalInterface
  interface Method {
    @Nullable Object call(Execution execution, TrackedText text, Arguments arguments);
  }

  private static final Map<String, Method> TABLE =
      Map.ofEntries(
          Map.entry("capitalize", (run, text, arguments) -> PythonText.capitalized(run, text)),
          Map.entry("casefold", (run, text, arguments) -> PythonText.lower(run, text)),
          Map.entry("count", StringMethods::count),
          Map.entry(
              "endswith",
              (run, text, arguments) -> affix(run, text, arguments, "endswith", String::endsWith)),
          Map.entry(
              "find", (run, text, arguments) -> search(run, text, arguments, "find", false, false)),
          Map.entry("format", BraceFormat::format),
          Map.entry(
              "index",
              (run, text, arguments) -> search(run, text, arguments, "index", false, true)),
          Map.entry(
              "isalnum",
              (run, text, arguments) -> all(run, text, c -> Character.isLetter(c) || isNumeric(c))),
          Map.entry("isalpha", (run, text, arguments) -> all(run, text, Character::isLetter)),
          Map.entry(
              "isascii", (run, text, arguments) -> text.isEmpty() || all(run, text, c -> c < 128)),
          Map.entry("isdecimal", (run, text, arguments) -> all(run, text, Character::isDigit)),
          Map.entry("isdigit", (run, text, arguments) -> all(run, text, StringMethods::isDigit)),
          Map.entry("islower", (run, text, arguments) -> isCase(run, text, false)),
          Map.entry(
              "isnumeric", (run, text, arguments) -> all(run, text, StringMethods::isNumeric)),
          Map.entry("isspace", (run, text, arguments) -> all(run, text, PythonText::isSpace)),
          Map.entry("isupper", (run, text, arguments) -> isCase(run, text, true)),
          Map.entry(
              "join",
              (run, text, arguments) ->
                  joined(run, text, arguments.bind(run, "join", 1, "iterable").get(0))),
          Map.entry(
              "ljust", (run, text, arguments) -> Padding.method(run, text, arguments, "ljust")),
          Map.entry(
              "rjust", (run, text, arguments) -> Padding.method(run, text, arguments, "rjust")),
          Map.entry(
              "center", (run, text, arguments) -> Padding.method(run, text, arguments, "center")),
          Map.entry("zfill", Padding::zeros),
          Map.entry("lower", (run, text, arguments) -> PythonText.lower(run, text)),
          Map.entry("upper", (run, text, arguments) -> PythonText.upper(run, text)),
          Map.entry("title", (run, text, arguments) -> PythonText.title(run, text)),
          Map.entry(
              "startswith",
              (run, text, arguments) ->
                  affix(run, text, arguments, "startswith", String::startsWith)),
          Map.entry("strip", (run, text, arguments) -> strip(run, text, arguments, true, true)),
          Map.entry("lstrip", (run, text, arguments) -> strip(run, text, arguments, true, false)),
          Map.entry("rstrip", (run, text, arguments) -> strip(run, text, arguments, false, true)),
          Map.entry("partition", (run, text, arguments) -> partition(run, text, arguments, false)),
          Map.entry("rpartition", (run, text, arguments) -> partition(run, text, arguments, true)),
          Map.entry(
              "removeprefix", (run, text, arguments) -> withoutAffix(run, text, arguments, true)),
          Map.entry(
              "removesuffix", (run, text, arguments) -> withoutAffix(run, text, arguments, false)),
          Map.entry("replace", StringMethods::replace),
          Map.entry(
              "rfind",
              (run, text, arguments) -> search(run, text, arguments, "rfind", true, false)),
          Map.entry(
              "rindex",
              (run, text, arguments) -> search(run, text, arguments, "rindex", true, true)),
          Map.entry(
              "split", (run, text, arguments) -> Splitting.split(run, text, arguments, false)),
          Map.entry(
              "rsplit", (run, text, arguments) -> Splitting.split(run, text, arguments, true)),
          Map.entry(
              "splitlines",
              (run, text, arguments) ->
                  PythonText.lines(
                      run, text, arguments.bind(run, "splitlines", 0, "keepends").flag(0, false))));

  private StringMethods() {}

  /** The method, or null. */
  static @Nullable Method named(String name) {
    return TABLE.get(name);
  }

  private static Object strip(
      Execution execution, TrackedText text, Arguments arguments, boolean left, boolean right) {
    Arguments.Bound bound = arguments.bind(execution, "strip", 0, "chars");
    execution.chargeText(text.length());
    if (!bound.hasValue(0)) {
      return PythonText.strip(text, PythonText::isSpace, left, right);
    }
    String unwanted = bound.text(0).text();
    // Each character looks through the set.
    execution.charge((long) unwanted.length() * text.length() / 8);
    return PythonText.strip(text, c -> unwanted.indexOf(c) >= 0, left, right);
  }

  private static boolean all(Execution execution, TrackedText text, IntPredicate predicate) {
    execution.chargeText(text.length());
    return !text.isEmpty() && text.text().codePoints().allMatch(predicate);
  }

  private static boolean isDigit(int c) {
    // Superscripts and circled digits are digits of Unicode, though not decimal ones.
    return Character.isDigit(c)
        || (Character.getType(c) == Character.OTHER_NUMBER
            && (c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0x2070 && c <= 0x2089)));
  }

  private static boolean isNumeric(int c) {
    int type = Character.getType(c);
    return type == Character.DECIMAL_DIGIT_NUMBER
        || type == Character.LETTER_NUMBER
        || type == Character.OTHER_NUMBER;
  }

  /** Whether there are letters with case, all of the same. */
  static boolean isCase(Execution execution, TrackedText text, boolean upper) {
    execution.chargeText(text.length());
    boolean found = false;
    for (int c : text.text().codePoints().toArray()) {
      if (PythonText.isCased(c)) {
        found = true;
        if (upper ? !Character.isUpperCase(c) : !Character.isLowerCase(c)) {
          return false;
        }
      }
    }
    return found;
  }

  /** The text in the range that the arguments 1 and 2 name, as Python clips it. */
  private static TrackedText range(Execution execution, TrackedText text, Arguments.Bound bound) {
    return (TrackedText) Attributes.slice(execution, text, bound.get(1), bound.get(2), null);
  }

  private static Object affix(
      Execution execution,
      TrackedText text,
      Arguments arguments,
      String name,
      BiPredicate<String, String> matches) {
    Arguments.Bound bound = arguments.bind(execution, name, 1, "affix", "start", "end");
    String part = bound.has(1) ? range(execution, text, bound).text() : text.text();
    if (bound.get(0) instanceof Tuple affixes) {
      execution.charge(affixes.size() * (1L + part.length() / 64));
      return affixes.stream()
          .anyMatch(affix -> affix instanceof TrackedText one && matches.test(part, one.text()));
    }
    execution.chargeText(Math.min(part.length(), bound.text(0).length()));
    return matches.test(part, bound.text(0).text());
  }

  private static Object search(
      Execution execution,
      TrackedText text,
      Arguments arguments,
      String name,
      boolean last,
      boolean mustBeFound) {
    Arguments.Bound bound = arguments.bind(execution, name, 1, "sub", "start", "end");
    TrackedText part = range(execution, text, bound);
    execution.chargeSearch(text.length(), bound.text(0).length());
    int found =
        last
            ? part.text().lastIndexOf(bound.text(0).text())
            : part.text().indexOf(bound.text(0).text());
    if (found < 0) {
      if (mustBeFound) {
        throw execution.failure(name + "(): the substring is not in the string");
      }
      return -1L;
    }
    long size = PythonText.length(execution, text);
    long start = bound.hasValue(1) ? Math.min(bound.integer(1, 0), size) : 0;
    start = start < 0 ? Math.max(0, start + size) : start;
    return start + part.text().codePointCount(0, found);
  }

  private static Object count(Execution execution, TrackedText text, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "count", 1, "sub", "start", "end");
    TrackedText part = range(execution, text, bound);
    String wanted = bound.text(0).text();
    execution.chargeSearch(part.length(), wanted.length());
    if (wanted.isEmpty()) {
      return PythonText.length(execution, part) + 1L;
    }
    long count = 0;
    for (int i = part.text().indexOf(wanted);
        i >= 0;
        i = part.text().indexOf(wanted, i + wanted.length())) {
      count++;
    }
    return count;
  }

  static Object replace(Execution execution, TrackedText text, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "replace", 2, "old", "new", "count");
    int count = bound.hasValue(2) ? bound.integer(2, -1) : -1;
    return replaced(execution, text, bound.text(0), bound.text(1), count);
  }

  /**
   * @param count how many to replace, negative for all
   */
  static TrackedText replaced(
      Execution execution, TrackedText text, TrackedText old, TrackedText replacement, int count) {
    execution.chargeSearch(text.length(), old.length());
    TrackedText.Builder out = new TrackedText.Builder();
    int done = 0;
    int copied = 0;
    int from = 0;
    while (count < 0 || done < count) {
      int found = from > text.length() ? -1 : text.text().indexOf(old.text(), from);
      if (found < 0) {
        break;
      }
      execution.chargeText(replacement.length());
      execution.checkText((long) out.length() + replacement.length());
      out.append(text, copied, found).append(replacement);
      copied = found + old.length();
      // An empty pattern is found before each character and at the end.
      from =
          !old.isEmpty()
              ? copied
              : found < text.length()
                  ? text.text().offsetByCodePoints(found, 1)
                  : text.length() + 1;
      done++;
    }
    execution.chargeText((long) out.length() + text.length() - copied);
    return out.append(text, copied, text.length()).build();
  }

  static TrackedText joined(Execution execution, TrackedText separator, @Nullable Object iterable) {
    TrackedText.Builder out = new TrackedText.Builder();
    boolean first = true;
    for (Object element : Values.elements(execution, iterable)) {
      if (!(element instanceof TrackedText text)) {
        throw execution.failure("join() takes strings, found " + Values.typeName(element));
      }
      append(execution, out, first ? TrackedText.EMPTY : separator);
      append(execution, out, text);
      first = false;
    }
    return out.build();
  }

  static void append(Execution execution, TrackedText.Builder out, TrackedText text) {
    execution.chargeText(text.length());
    execution.checkText((long) out.length() + text.length());
    out.append(text);
  }

  private static Object partition(
      Execution execution, TrackedText text, Arguments arguments, boolean last) {
    TrackedText separator = arguments.bind(execution, "partition", 1, "sep").text(0);
    if (separator.isEmpty()) {
      throw execution.failure("partition() needs a separator that is not empty");
    }
    execution.chargeText(text.length());
    int found =
        last ? text.text().lastIndexOf(separator.text()) : text.text().indexOf(separator.text());
    if (found < 0) {
      List<Object> parts = new ArrayList<>(List.of(text, TrackedText.EMPTY, TrackedText.EMPTY));
      if (last) {
        Collections.reverse(parts);
      }
      return Tuple.copyOf(parts);
    }
    int end = found + separator.length();
    return Tuple.of(text.substring(0, found), text.substring(found, end), text.substring(end));
  }

  private static Object withoutAffix(
      Execution execution, TrackedText text, Arguments arguments, boolean prefix) {
    String affix =
        arguments
            .bind(execution, prefix ? "removeprefix" : "removesuffix", 1, "affix")
            .text(0)
            .text();
    execution.chargeText(text.length());
    if (prefix) {
      return text.text().startsWith(affix) ? text.substring(affix.length()) : text;
    }
    return text.text().endsWith(affix) ? text.substring(0, text.length() - affix.length()) : text;
  }

  /** The integer that a string spells in a base, or null. */
  static @Nullable BigInteger parsedInteger(String text, int base) {
    String digits = text.strip().replace("_", "");
    if (digits.length() > 4300) {
      return null;
    }
    try {
      return new BigInteger(digits, base);
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
