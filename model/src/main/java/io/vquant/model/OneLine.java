package io.vquant.model;

/** Text out of a file made fit for a message: short, on one line, printable. */
public final class OneLine {
  private static final int MAX_CHARS = 120;

  private OneLine() {}

  /** The text with unprintable characters escaped, cut after 120 characters. */
  public static String of(String text) {
    return of(text, MAX_CHARS);
  }

  /** As {@link #of(String)}, cut after another length. */
  static String of(String text, int maxChars) {
    String cut = text.length() <= maxChars ? text : text.substring(0, maxChars) + "...";
    StringBuilder line = new StringBuilder(cut.length());
    cut.codePoints().forEach(c -> append(line, c));
    return line.toString();
  }

  private static void append(StringBuilder line, int codePoint) {
    switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.FORMAT ->
          line.append("\\u").append("%04x".formatted(codePoint));
      default -> line.appendCodePoint(codePoint);
    }
  }
}
