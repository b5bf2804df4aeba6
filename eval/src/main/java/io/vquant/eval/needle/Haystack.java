package io.vquant.eval.needle;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Filler text as tokens, with the places where a sentence ends. A text that is too short for a
 * prompt is repeated.
 */
public final class Haystack {
  private final int[] tokens;
  private final int[] sentenceEnds;

  private Haystack(int[] tokens, int[] sentenceEnds) {
    this.tokens = tokens;
    this.sentenceEnds = sentenceEnds;
  }

  /**
   * A haystack of at least {@code minTokens} tokens.
   *
   * @param text not blank
   * @throws IllegalArgumentException if the text has no tokens
   */
  public static Haystack of(String text, NeedleModel model, int minTokens) {
    List<int[]> pieces = new ArrayList<>();
    int length = 0;
    for (String sentence : sentences(text)) {
      if (length >= minTokens) {
        break;
      }
      pieces.add(model.encode(sentence));
      length += pieces.getLast().length;
    }
    if (length == 0) {
      throw new IllegalArgumentException("the haystack has no tokens: expected text");
    }
    return join(pieces, length, minTokens);
  }

  private static Haystack join(List<int[]> pieces, int length, int minTokens) {
    int rounds = Math.ceilDiv(minTokens, length);
    int[] tokens = new int[Math.multiplyExact(rounds, length)];
    int[] ends = new int[rounds * pieces.size()];
    int at = 0;
    for (int i = 0; i < ends.length; i++) {
      int[] piece = pieces.get(i % pieces.size());
      System.arraycopy(piece, 0, tokens, at, piece.length);
      at += piece.length;
      ends[i] = at;
    }
    return new Haystack(tokens, ends);
  }

  /** A text in pieces that end with sentences; the blank between two belongs to the second. */
  static List<String> sentences(String text) {
    List<String> sentences = new ArrayList<>();
    int start = 0;
    for (int i = 0; i + 1 < text.length(); i++) {
      char c = text.charAt(i);
      boolean ends = c == '.' || c == '!' || c == '?';
      if (ends && Character.isWhitespace(text.charAt(i + 1))) {
        sentences.add(text.substring(start, i + 1));
        start = i + 1;
      }
    }
    sentences.add(text.substring(start));
    return sentences;
  }

  /** The first {@code count} tokens. */
  public int[] tokens(int count) {
    return Arrays.copyOf(tokens, count);
  }

  /**
   * The place nearest {@code place} where a sentence ends, or the beginning; up to {@code most}.
   */
  public int sentenceEndNear(int place, int most) {
    int index = Arrays.binarySearch(sentenceEnds, place);
    int above = index >= 0 ? index : -index - 1;
    int after = above < sentenceEnds.length ? sentenceEnds[above] : Integer.MAX_VALUE;
    int before = above == 0 ? 0 : sentenceEnds[above - 1];
    return after <= most && after - (long) place < place - before ? after : Math.min(before, most);
  }
}
