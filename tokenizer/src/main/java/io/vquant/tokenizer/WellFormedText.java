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
}
