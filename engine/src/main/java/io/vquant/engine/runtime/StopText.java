package io.vquant.engine.runtime;

import java.util.List;

/**
 * Finds the end of a text that arrives in pieces. Of several stop strings the one that is complete
 * first counts, and of those that end at the same character the longest: so the answer does not
 * depend on how the text was cut into pieces.
 */
public final class StopText {
  private final List<String> stopStrings;
  private final int longest;
  private final StringBuilder pending = new StringBuilder();
  private boolean found;

  /** A search for the first of some strings, none of them empty. */
  public StopText(List<String> stopStrings) {
    this.stopStrings = List.copyOf(stopStrings);
    longest = stopStrings.stream().mapToInt(String::length).max().orElse(0);
  }

  /**
   * Takes more text.
   *
   * @return what now certainly comes before the first stop string
   */
  public String push(String piece) {
    if (found) {
      return "";
    }
    int firstNewEnd = pending.length() + 1;
    pending.append(piece);
    for (int end = firstNewEnd; end <= pending.length(); end++) {
      int length = longestStopEndingAt(end);
      if (length > 0) {
        found = true;
        return take(end - length);
      }
    }
    return take(pending.length() - heldBackChars());
  }

  /** Whether a stop string is complete. */
  public boolean found() {
    return found;
  }

  /** The text held back, when no more is to come; empty after a stop string. */
  public String finish() {
    return found ? "" : take(pending.length());
  }

  private String take(int chars) {
    String text = pending.substring(0, chars);
    pending.delete(0, chars);
    return text;
  }

  private int longestStopEndingAt(int end) {
    int length = 0;
    for (String stop : stopStrings) {
      if (stop.length() > length && endsWith(end, stop, stop.length())) {
        length = stop.length();
      }
    }
    return length;
  }

  /** Length of the longest end of the pending text that is the beginning of a stop string. */
  private int heldBackChars() {
    for (int chars = Math.min(longest - 1, pending.length()); chars > 0; chars--) {
      for (String stop : stopStrings) {
        if (chars < stop.length() && endsWith(pending.length(), stop, chars)) {
          return chars;
        }
      }
    }
    return 0;
  }

  /** Whether the first {@code chars} of {@code stop} stand before {@code end}. */
  private boolean endsWith(int end, String stop, int chars) {
    if (chars > end) {
      return false;
    }
    for (int i = 0; i < chars; i++) {
      if (pending.charAt(end - chars + i) != stop.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}
