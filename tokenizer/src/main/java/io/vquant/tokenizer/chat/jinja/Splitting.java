package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** {@code str.split} and {@code str.rsplit}. */
final class Splitting {
  private Splitting() {}

  static List<Object> split(
      Execution execution, TrackedText text, Arguments arguments, boolean fromRight) {
    Arguments.Bound bound =
        arguments.bind(execution, fromRight ? "rsplit" : "split", 0, "sep", "maxsplit");
    int maxSplits = bound.integer(1, -1);
    int limit = maxSplits < 0 ? Integer.MAX_VALUE : maxSplits;
    execution.chargeSearch(text.length(), bound.hasValue(0) ? bound.text(0).length() : 1);
    List<Object> parts;
    if (!bound.hasValue(0)) {
      parts = fromRight ? wordsFromRight(execution, text, limit) : words(execution, text, limit);
    } else if (bound.text(0).isEmpty()) {
      throw execution.failure("split() needs a separator that is not empty");
    } else {
      parts =
          fromRight
              ? partsFromRight(execution, text, bound.text(0).text(), limit)
              : parts(execution, text, bound.text(0).text(), limit);
    }
    if (fromRight) {
      Collections.reverse(parts);
    }
    return parts;
  }

  private static List<Object> parts(
      Execution execution, TrackedText text, String separator, int limit) {
    List<Object> parts = new ArrayList<>();
    int begin = 0;
    for (int found = text.text().indexOf(separator);
        found >= 0 && parts.size() < limit;
        found = text.text().indexOf(separator, begin)) {
      add(execution, parts, text.substring(begin, found));
      begin = found + separator.length();
    }
    add(execution, parts, text.substring(begin));
    return parts;
  }

  private static List<Object> partsFromRight(
      Execution execution, TrackedText text, String separator, int limit) {
    List<Object> parts = new ArrayList<>();
    int end = text.length();
    while (parts.size() < limit) {
      int found =
          end < separator.length()
              ? -1
              : text.text().lastIndexOf(separator, end - separator.length());
      if (found < 0) {
        break;
      }
      add(execution, parts, text.substring(found + separator.length(), end));
      end = found;
    }
    add(execution, parts, text.substring(0, end));
    return parts;
  }

  private static List<Object> words(Execution execution, TrackedText text, int limit) {
    List<Object> words = new ArrayList<>();
    String chars = text.text();
    int begin = afterSpaces(chars, 0);
    while (begin < chars.length()) {
      int end = begin;
      if (words.size() < limit) {
        while (end < chars.length() && !PythonText.isSpace(chars.charAt(end))) {
          end++;
        }
      } else {
        // The rest is one word, with the spaces at its end.
        end = chars.length();
      }
      add(execution, words, text.substring(begin, end));
      begin = afterSpaces(chars, end);
    }
    return words;
  }

  private static List<Object> wordsFromRight(Execution execution, TrackedText text, int limit) {
    List<Object> words = new ArrayList<>();
    String chars = text.text();
    int end = beforeSpaces(chars, chars.length());
    while (end > 0) {
      int begin = end;
      if (words.size() < limit) {
        while (begin > 0 && !PythonText.isSpace(chars.charAt(begin - 1))) {
          begin--;
        }
      } else {
        begin = 0;
      }
      add(execution, words, text.substring(begin, end));
      end = beforeSpaces(chars, begin);
    }
    return words;
  }

  private static int afterSpaces(String chars, int from) {
    int i = from;
    while (i < chars.length() && PythonText.isSpace(chars.charAt(i))) {
      i++;
    }
    return i;
  }

  private static int beforeSpaces(String chars, int from) {
    int i = from;
    while (i > 0 && PythonText.isSpace(chars.charAt(i - 1))) {
      i--;
    }
    return i;
  }

  private static void add(Execution execution, List<Object> parts, TrackedText part) {
    execution.charge(1);
    parts.add(part);
  }
}
