package io.vquant.tokenizer;

import java.util.Arrays;

/**
 * Turns ids that arrive one at a time into text. The pieces put together are exactly {@link
 * Tokenizer#decode} of all ids, for any ids; a character whose bytes come in several tokens appears
 * when it is complete.
 *
 * <p>Method: decode a window of the last ids, emit what is new. What comes before the window cannot
 * matter: UTF-8 is decided by the last three bytes, so by the last three tokens that have any, and
 * leading spaces are treated specially only at the start of a window, where they have been emitted
 * long ago. Held back are a U+FFFD at the end (it may become a character), a run of byte tokens
 * until it ends, and everything where the decoder is of an unknown kind ({@link DecoderTraits}). So
 * a token costs O(1) amortized.
 *
 * <p>For one thread.
 */
public final class StreamingDecoder {
  private static final int MIN_WINDOW = 4;
  private static final int MAX_WINDOW = 24;

  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private int[] window = new int[2 * MAX_WINDOW];
  private int count;
  private int emittedChars;

  StreamingDecoder(Tokenizer tokenizer, boolean skipSpecial) {
    this.tokenizer = tokenizer;
    this.skipSpecial = skipSpecial;
  }

  /**
   * Takes the next id.
   *
   * @return the text that is now certain; often empty
   * @throws IllegalArgumentException if the id has no token; the decoder is unchanged
   */
  public String push(int id) {
    String token = tokenizer.token(id);
    if (skipSpecial && tokenizer.isSpecial(id)) {
      return "";
    }
    if (count == window.length) {
      window = Arrays.copyOf(window, 2 * count);
    }
    window[count++] = id;
    DecoderTraits decoder = tokenizer.decoderTraits();
    if (!decoder.streamable() || decoder.isByte(token)) {
      return "";
    }
    String text = decode(0);
    int certainChars = text.endsWith("\uFFFD") ? text.length() - 1 : text.length();
    String piece = text.substring(emittedChars, certainChars);
    emittedChars = certainChars;
    if (count >= MAX_WINDOW) {
      shorten(text.length() - certainChars);
    }
    return piece;
  }

  /** The text held back so far; afterwards the decoder is ready for another sequence. */
  public String finish() {
    String rest = count == 0 ? "" : decode(0).substring(emittedChars);
    count = 0;
    emittedChars = 0;
    return rest;
  }

  /** Keeps the last ids, enough of them to have text and at least four that are not empty. */
  private void shorten(int heldChars) {
    int begin = count;
    for (int full = 0; begin > 0 && full < MIN_WINDOW; ) {
      begin--;
      full += tokenizer.token(window[begin]).isEmpty() ? 0 : 1;
    }
    String text = decode(begin);
    if (text.length() <= heldChars) {
      return;
    }
    System.arraycopy(window, begin, window, 0, count - begin);
    count -= begin;
    emittedChars = text.length() - heldChars;
  }

  private String decode(int begin) {
    return tokenizer.decode(Arrays.copyOfRange(window, begin, count), false);
  }
}
