package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** Python's view of text: indexed by code points, with its own notions of space, line and case. */
final class PythonText {
  private PythonText() {}

  /** What {@code str.isspace} accepts; all of it lies in the basic plane. */
  static boolean isSpace(int codePoint) {
    return switch (codePoint) {
      case 0x1c, 0x1d, 0x1e, 0x1f, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000 ->
          true;
      default ->
          (codePoint >= '\t' && codePoint <= '\r')
              || codePoint == ' '
              || (codePoint >= 0x2000 && codePoint <= 0x200a);
    };
  }

  static int length(Execution execution, TrackedText text) {
    execution.chargeText(text.length());
    return text.text().codePointCount(0, text.length());
  }

  /** The UTF-16 position of a code point. */
  static int offset(TrackedText text, int codePoint) {
    return text.text().offsetByCodePoints(0, codePoint);
  }

  /** The texts of single code points. */
  static List<Object> characters(Execution execution, TrackedText text) {
    execution.charge(text.length());
    List<Object> characters = new ArrayList<>();
    for (int i = 0; i < text.length(); ) {
      int end = i + Character.charCount(text.text().codePointAt(i));
      characters.add(text.substring(i, end));
      i = end;
    }
    return characters;
  }

  static TrackedText strip(TrackedText text, IntPredicate unwanted, boolean left, boolean right) {
    int begin = 0;
    int end = text.length();
    while (left && begin < end && unwanted.test(text.text().codePointAt(begin))) {
      begin += Character.charCount(text.text().codePointAt(begin));
    }
    while (right && begin < end && unwanted.test(text.text().codePointBefore(end))) {
      end -= Character.charCount(text.text().codePointBefore(end));
    }
    return text.substring(begin, end);
  }

  static TrackedText strip(TrackedText text) {
    return strip(text, PythonText::isSpace, true, true);
  }

  /** The lines as {@code str.splitlines} finds them. */
  static List<Object> lines(Execution execution, TrackedText text, boolean keepEnds) {
    execution.chargeText(text.length());
    List<Object> lines = new ArrayList<>();
    String chars = text.text();
    int begin = 0;
    for (int i = 0; i < chars.length(); i++) {
      if (isLineEnd(chars.charAt(i))) {
        int end = i;
        i += chars.startsWith("\r\n", i) ? 1 : 0;
        lines.add(text.substring(begin, keepEnds ? i + 1 : end));
        execution.charge(1);
        begin = i + 1;
      }
    }
    if (begin < chars.length()) {
      lines.add(text.substring(begin));
    }
    return lines;
  }

  private static boolean isLineEnd(char c) {
    return (c >= '\n' && c <= '\r')
        || (c >= 0x1c && c <= 0x1e)
        || c == 0x85
        || c == 0x2028
        || c == 0x2029;
  }

  static TrackedText upper(Execution execution, TrackedText text) {
    return mapped(execution, text, part -> part.toUpperCase(Locale.ROOT));
  }

  static TrackedText lower(Execution execution, TrackedText text) {
    return mapped(execution, text, part -> part.toLowerCase(Locale.ROOT));
  }

  /**
   * Maps the whole text, or, where that changes its length, code point by code point to keep track.
   */
  private static TrackedText mapped(
      Execution execution, TrackedText text, UnaryOperator<String> mapping) {
    execution.chargeText(text.length());
    String whole = mapping.apply(text.text());
    if (whole.length() == text.length()) {
      return text.withText(whole);
    }
    TrackedText.Builder mapped = new TrackedText.Builder();
    for (int i = 0; i < text.length(); ) {
      int end = i + Character.charCount(text.text().codePointAt(i));
      mapped.append(mapping.apply(text.text().substring(i, end)), text.fromTemplate(i));
      i = end;
    }
    return mapped.build();
  }

  /** First character in title case, the others in lower case. */
  static TrackedText capitalized(Execution execution, TrackedText text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.text().codePointAt(0));
    TrackedText head = text.substring(0, first);
    return titled(head).plus(lower(execution, text.substring(first)));
  }

  /** {@code str.title}: each run of letters capitalized. */
  static TrackedText title(Execution execution, TrackedText text) {
    execution.charge(text.length());
    TrackedText lower = lower(execution, text);
    TrackedText.Builder title = new TrackedText.Builder();
    boolean inWord = false;
    // A lower case of another length leaves no common positions; then each character is mapped
    // alone.
    boolean aligned = lower.length() == text.length();
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.text().codePointAt(i);
      int end = i + Character.charCount(codePoint);
      TrackedText one = text.substring(i, end);
      title.append(
          !inWord ? titled(one) : aligned ? lower.substring(i, end) : lower(execution, one));
      inWord = isCased(codePoint);
      i = end;
    }
    return title.build();
  }

  private static TrackedText titled(TrackedText character) {
    int codePoint = character.text().codePointAt(0);
    int title = Character.toTitleCase(codePoint);
    String mapped =
        title != codePoint || !Character.isLowerCase(codePoint)
            ? Character.toString(title)
            : sentenceCase(character.text());
    return new TrackedText.Builder().append(mapped, character.fromTemplate(0)).build();
  }

  /**
   * For the letters whose capital is several: the first cased one in upper case, the rest in lower
   * case.
   */
  private static String sentenceCase(String character) {
    String upper = character.toUpperCase(Locale.ROOT);
    int first = 0;
    while (first < upper.length() && !isCased(upper.codePointAt(first))) {
      first = upper.offsetByCodePoints(first, 1);
    }
    int rest = first < upper.length() ? upper.offsetByCodePoints(first, 1) : first;
    return upper.substring(0, rest) + upper.substring(rest).toLowerCase(Locale.ROOT);
  }

  static boolean isCased(int codePoint) {
    return Character.isLowerCase(codePoint)
        || Character.isUpperCase(codePoint)
        || Character.isTitleCase(codePoint);
  }

  /** The order of code points, which UTF-16 units do not keep. */
  static int compare(String a, String b) {
    int common = Math.min(a.length(), b.length());
    for (int i = 0; i < common; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        return Character.isSurrogate(x) == Character.isSurrogate(y)
            ? Character.compare(x, y)
            : Character.isSurrogate(x) ? 1 : -1;
      }
    }
    return Integer.compare(a.length(), b.length());
  }
}
