package io.vquant.tokenizer.chat.jinja;

import java.util.Arrays;

/**
 * Immutable text that knows for each character whether the template wrote it or the data did.
 * Equality is that of the text alone, as the template's {@code ==} sees it.
 */
public final class TrackedText implements Comparable<TrackedText> {
  static final TrackedText EMPTY = new TrackedText("", new int[0]);

  private final String text;

  /**
   * Rising positions; characters in [edges[2i], edges[2i+1]) come from the template, all others
   * from data.
   */
  private final int[] edges;

  /**
   * Whether a filter marked it as safe HTML, so that joining it with other text escapes that text.
   */
  private final boolean markup;

  private TrackedText(String text, int[] edges) {
    this(text, edges, false);
  }

  private TrackedText(String text, int[] edges, boolean markup) {
    this.text = text;
    this.edges = edges;
    this.markup = markup;
  }

  /**
   * Text that counts as written by the template: its literals, and the special tokens that the
   * caller vouches for.
   */
  public static TrackedText trusted(String text) {
    return text.isEmpty() ? EMPTY : new TrackedText(text, new int[] {0, text.length()});
  }

  /** Text that came from outside. */
  public static TrackedText data(String text) {
    return text.isEmpty() ? EMPTY : new TrackedText(text, EMPTY.edges);
  }

  /** The characters. */
  public String text() {
    return text;
  }

  /** Whether the template wrote the UTF-16 unit at {@code charIndex} of {@link #text()}. */
  public boolean fromTemplate(int charIndex) {
    if (charIndex < 0 || charIndex >= text.length()) {
      throw new IndexOutOfBoundsException(
          "character %d of a text of %d".formatted(charIndex, text.length()));
    }
    int found = Arrays.binarySearch(edges, charIndex);
    int numEdgesUpTo = found >= 0 ? found + 1 : -found - 1;
    return numEdgesUpTo % 2 == 1;
  }

  /** UTF-16 units. */
  int length() {
    return text.length();
  }

  boolean isEmpty() {
    return text.isEmpty();
  }

  /** The UTF-16 units in [begin, end). */
  TrackedText substring(int begin, int end) {
    if (begin == 0 && end == text.length()) {
      return this;
    }
    TrackedText part = new Builder().append(this, begin, end).build();
    return markup ? part.asMarkup() : part;
  }

  TrackedText substring(int begin) {
    return substring(begin, text.length());
  }

  TrackedText plus(TrackedText other) {
    return isEmpty()
        ? other
        : other.isEmpty() ? this : new Builder().append(this).append(other).build();
  }

  boolean isMarkup() {
    return markup;
  }

  /** This text, marked as safe HTML. */
  TrackedText asMarkup() {
    return markup ? this : new TrackedText(text, edges, true);
  }

  /** The same provenance for another text of the same length. */
  TrackedText withText(String sameLength) {
    if (sameLength.length() != text.length()) {
      throw new IllegalArgumentException(
          "%d characters for %d".formatted(sameLength.length(), text.length()));
    }
    return new TrackedText(sameLength, edges, markup);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TrackedText that && text.equals(that.text);
  }

  /** The order of UTF-16 units; it keeps hash maps fast where keys collide. */
  @Override
  public int compareTo(TrackedText other) {
    return text.compareTo(other.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }

  /** Text in the making. */
  static final class Builder {
    private final StringBuilder chars = new StringBuilder();
    private int[] edges = new int[8];
    private int numEdges;

    int length() {
      return chars.length();
    }

    Builder append(TrackedText part) {
      return append(part, 0, part.length());
    }

    /** Appends the UTF-16 units in [begin, end) of {@code part}. */
    Builder append(TrackedText part, int begin, int end) {
      int shift = chars.length() - begin;
      chars.append(part.text, begin, end);
      int found = Arrays.binarySearch(part.edges, begin);
      int first = (found >= 0 ? found : -found - 1) & ~1;
      for (int i = first; i < part.edges.length && part.edges[i] < end; i += 2) {
        addSpan(Math.max(part.edges[i], begin) + shift, Math.min(part.edges[i + 1], end) + shift);
      }
      return this;
    }

    Builder appendData(CharSequence part) {
      chars.append(part);
      return this;
    }

    Builder append(CharSequence part, boolean fromTemplate) {
      int begin = chars.length();
      chars.append(part);
      if (fromTemplate) {
        addSpan(begin, chars.length());
      }
      return this;
    }

    private void addSpan(int begin, int end) {
      if (begin >= end) {
        return;
      }
      if (numEdges > 0 && edges[numEdges - 1] == begin) {
        edges[numEdges - 1] = end;
        return;
      }
      if (numEdges + 2 > edges.length) {
        edges = Arrays.copyOf(edges, 2 * edges.length);
      }
      edges[numEdges++] = begin;
      edges[numEdges++] = end;
    }

    TrackedText build() {
      return chars.isEmpty()
          ? EMPTY
          : new TrackedText(chars.toString(), Arrays.copyOf(edges, numEdges));
    }
  }
}
