package io.vquant.tokenizer;

import java.math.BigInteger;
import java.nio.file.Path;

/**
 * The characters of a JSON text (RFC 8259) and its scalars. Plain loops over an array: they run
 * while nothing is compiled yet.
 */
final class JsonScanner {
  /** What {@link #peek} answers behind the last character. */
  static final char END = '\0';

  /** Digits of a number; Java takes quadratic time to read them. */
  private static final int MAX_NUMBER_CHARS = 1000;

  /** A long holds any integer of so many characters. */
  private static final int MAX_LONG_CHARS = 18;

  private final Path file;
  private final char[] text;
  private int at;
  private int loneSurrogate = -1;

  /**
   * A scanner at the beginning of {@code json}.
   *
   * @param file named in messages
   */
  JsonScanner(Path file, String json) {
    this.file = file;
    text = json.toCharArray();
  }

  /** The next character that is not white space; {@link #END} is none of JSON's either. */
  char peek() {
    skipSpace();
    return at == text.length ? END : text[at];
  }

  boolean atEnd() {
    skipSpace();
    return at == text.length;
  }

  private void skipSpace() {
    char[] chars = text;
    int i = at;
    while (i < chars.length
        && (chars[i] == ' ' || chars[i] == '\n' || chars[i] == '\r' || chars[i] == '\t')) {
      i++;
    }
    at = i;
  }

  /** Passes over the next character if it is this one. */
  boolean take(char wanted) {
    if (peek() != wanted) {
      return false;
    }
    at++;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) {
      throw unexpected();
    }
  }

  void word(String wanted) {
    for (int i = 0; i < wanted.length(); i++, at++) {
      if (at == text.length || text[at] != wanted.charAt(i)) {
        throw unexpected();
      }
    }
  }

  String string() {
    expect('"');
    int start = at;
    int end = start;
    char[] chars = text;
    while (end < chars.length && chars[end] != '"' && chars[end] != '\\' && chars[end] >= ' ') {
      end++;
    }
    at = end;
    if (end < chars.length && chars[end] == '"') {
      at++;
      return new String(chars, start, end - start);
    }
    return stringWithEscapes(start);
  }

  void skipString() {
    expect('"');
    char[] chars = text;
    int i = at;
    while (i < chars.length && chars[i] != '"' && chars[i] != '\\' && chars[i] >= ' ') {
      i++;
    }
    int start = at;
    at = i;
    if (i < chars.length && chars[i] == '"') {
      at++;
    } else {
      stringWithEscapes(start);
    }
  }

  /** The rest of a string that began at {@code start} and has no escape before here. */
  private String stringWithEscapes(int start) {
    StringBuilder string = new StringBuilder().append(text, start, at - start);
    int unpaired = -1; // where a surrogate was written that waits for its other half
    while (at < text.length) {
      int place = at;
      char c = text[at];
      if (c == '"') {
        noteLoneSurrogate(unpaired);
        at++;
        return string.toString();
      }
      if (c < ' ') {
        throw unexpected();
      }
      at++;
      char value = c == '\\' ? escaped() : c;
      boolean second = c == '\\' && Character.isLowSurrogate(value);
      if ((unpaired >= 0) != second) {
        noteLoneSurrogate(second ? place : unpaired);
      }
      unpaired = c == '\\' && Character.isHighSurrogate(value) ? place : -1;
      string.append(value);
    }
    throw unexpected();
  }

  private void noteLoneSurrogate(int place) {
    if (place >= 0 && loneSurrogate < 0) {
      loneSurrogate = place;
    }
  }

  /**
   * Where the first escape ({@code \\ud800}) of a surrogate without its other half stood; -1 if
   * there was none so far. This reader lets it pass, Rust's does not.
   */
  int loneSurrogate() {
    return loneSurrogate;
  }

  private char escaped() {
    if (at == text.length) {
      throw unexpected();
    }
    char c = text[at++];
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> hexadecimal();
      default -> {
        at--;
        throw unexpected();
      }
    };
  }

  private char hexadecimal() {
    int value = 0;
    for (int i = 0; i < 4; i++, at++) {
      int digit = at < text.length && text[at] < 128 ? Character.digit(text[at], 16) : -1;
      if (digit < 0) {
        throw unexpected();
      }
      value = 16 * value + digit;
    }
    return (char) value;
  }

  /**
   * A Long where the number is an integer that fits, a BigInteger where it does not, a Double where
   * it has a fraction or an exponent.
   */
  Number number() {
    skipSpace();
    int start = at;
    boolean integer = scanNumber();
    if (at - start > MAX_NUMBER_CHARS) {
      throw malformed("a number of " + (at - start) + " characters");
    }
    if (integer && at - start <= MAX_LONG_CHARS) {
      return shortInteger(start);
    }
    String digits = new String(text, start, at - start);
    if (!integer) {
      double value = Double.parseDouble(digits);
      if (Double.isInfinite(value)) {
        throw malformed("number out of range: " + digits);
      }
      return value;
    }
    return fitting(new BigInteger(digits));
  }

  /** The integer between {@code start} and here. */
  private long shortInteger(int start) {
    boolean negative = text[start] == '-';
    long value = 0;
    for (int i = negative ? start + 1 : start; i < at; i++) {
      value = 10 * value + (text[i] - '0');
    }
    return negative ? -value : value;
  }

  /** Passes over a number and says whether it is an integer. */
  boolean scanNumber() {
    if (text[at] == '-') {
      at++;
    }
    if (at < text.length && text[at] == '0') {
      at++;
    } else {
      digits();
    }
    boolean integer = true;
    if (at < text.length && text[at] == '.') {
      integer = false;
      at++;
      digits();
    }
    if (at < text.length && (text[at] == 'e' || text[at] == 'E')) {
      integer = false;
      at++;
      if (at < text.length && (text[at] == '+' || text[at] == '-')) {
        at++;
      }
      digits();
    }
    return integer;
  }

  private void digits() {
    int start = at;
    while (at < text.length && isDigit(text[at])) {
      at++;
    }
    if (at == start) {
      throw unexpected();
    }
  }

  static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static Number fitting(BigInteger value) {
    return value.bitLength() < Long.SIZE ? (Number) value.longValue() : value;
  }

  /** A refusal of the character that stands here. */
  MalformedTokenizerException unexpected() {
    if (at >= text.length) {
      return malformed("the end of the file");
    }
    char c = text[at];
    boolean printable = c > ' ' && c < 127;
    return malformed(printable ? "'" + c + "'" : "character U+" + Integer.toHexString(c));
  }

  /** A refusal of the file because of what stands here. */
  MalformedTokenizerException malformed(String found) {
    int line = 1;
    int lineStart = 0;
    for (int i = 0; i < Math.min(at, text.length); i++) {
      if (text[i] == '\n') {
        line++;
        lineStart = i + 1;
      }
    }
    return new MalformedTokenizerException(
        file, "", "JSON", found + " (line " + line + ", column " + (at - lineStart + 1) + ")");
  }
}
