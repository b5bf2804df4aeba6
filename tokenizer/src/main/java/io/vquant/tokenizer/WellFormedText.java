package io.vquant.tokenizer;

/** Java strings may hold lone surrogates, which are not text in Unicode and have no UTF-8. */
final class WellFormedText {
  private WellFormedText() {}

  /**
   * The text with one U+FFFD in the place of each lone surrogate: same length, so positions stay
   * valid.
   */
  static String of(String text) {
    StringBuilder repaired = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
        continue;
      }
      if (repaired == null) {
        repaired = new StringBuilder(text);
      }
      repaired.setCharAt(i, '\uFFFD');
    }
    return repaired == null ? text : repaired.toString();
  }

  /**
   * Where JSON text holds an escape ({@code \\ud800}) of a surrogate without its other half; -1 if
   * nowhere. Java's parser lets it pass, Rust's does not.
   */
  static int loneSurrogateEscape(String json) {
    for (int i = json.indexOf('\\'); i >= 0 && i + 1 < json.length(); i = json.indexOf('\\', i)) {
      if (!isEscapeOf(json, i, 'd', "89ab") && !isEscapeOf(json, i, 'd', "cdef")) {
        i += 2; // an escape of another kind: its second character may be a backslash
      } else if (isEscapeOf(json, i, 'd', "89ab") && isEscapeOf(json, i + 6, 'd', "cdef")) {
        i += 12;
      } else {
        return i;
      }
    }
    return -1;
  }

  /**
   * Whether {@code \\uXY..} stands at {@code index}, X being {@code first} and Y one of {@code
   * second}.
   */
  private static boolean isEscapeOf(String json, int index, char first, String second) {
    return json.startsWith("\\u", index)
        && index + 5 < json.length()
        && Character.toLowerCase(json.charAt(index + 2)) == first
        && second.indexOf(Character.toLowerCase(json.charAt(index + 3))) >= 0;
  }
}
