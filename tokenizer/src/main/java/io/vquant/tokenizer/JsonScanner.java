package io.vquant.tokenizer;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a JSON text (RFC 8259, UTF-8) and its scalars. Plain loops over an array: they run
 * while nothing is compiled yet.
 */
final class JsonScanner {
  /** What {@link #peek} answers behind the last byte. */
  static final byte END = 0;

  /** Digits of a number; Java takes quadratic time to read them. */
  private static final int MAX_NUMBER_CHARS = 1000;

  /** A long holds any integer of so many characters. */
  private static final int MAX_LONG_CHARS = 18;

  private final Path file;
  private final byte[] text;
  private int at;
  private int loneSurrogate = -1;

  /**
   * A scanner that stands at a byte of {@code json}.
   *
   * @param file named in messages
   */
  JsonScanner(Path file, byte[] json, int at) {
    this.file = file;
    this.text = json;
    this.at = at;
  }

  /** The next byte that is not white space; {@link #END} is none of JSON's either. */
  byte peek() {
    if (at < text.length && text[at] > ' ') {
      return text[at];
    }
    skipSpace();
    return at == text.length ? END : text[at];
  }

  private void skipSpace() {
    while (at < text.length
        && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
      at++;
    }
  }

  boolean atEnd() {
    skipSpace();
    return at == text.length;
  }

  /** Where the scanner stands: the index of a byte. */
  int at() {
    return at;
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
    if (peek() != wanted) {
      throw unexpected();
    }
    at++;
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
    at = StringBytes.plainEnd(text, start);
    if (at < text.length && text[at] == '"') {
      return utf8(start, at++);
    }
    StringBuilder string = new StringBuilder(utf8(start, at));
    restOfString(string);
    return string.toString();
  }

  void skipString() {
    expect('"');
    at = StringBytes.plainEnd(text, at);
    if (at < text.length && text[at] == '"') {
      at++;
    } else {
      restOfString(null);
    }
  }

  /** Passes over the rest of a string from its first escape on. */
  private void restOfString(@Nullable StringBuilder string) {
    int unpaired = -1; // where a surrogate was written that waits for its other half
    while (at < text.length && text[at] == '\\') {
      int place = at++;
      char value = escaped();
      if ((unpaired >= 0) != Character.isLowSurrogate(value)) {
        noteLoneSurrogate(unpaired >= 0 ? unpaired : place);
      }
      unpaired = Character.isHighSurrogate(value) ? place : -1;
      int start = at;
      at = StringBytes.plainEnd(text, start);
      if (unpaired >= 0 && (at > start || at == text.length || text[at] != '\\')) {
        noteLoneSurrogate(unpaired);
        unpaired = -1;
      }
      if (string != null) {
        string.append(value).append(utf8(start, at));
      }
    }
    if (at == text.length || text[at] != '"') {
      throw unexpected();
    }
    at++;
  }

  private void noteLoneSurrogate(int place) {
    if (loneSurrogate < 0) {
      loneSurrogate = place;
    }
  }

  /**
   * Which character began the first escape ({@code \\ud800}) of a surrogate without its other half;
   * -1 if there was none so far. This reader lets it pass, Rust's does not.
   */
  int loneSurrogate() {
    return loneSurrogate < 0 ? -1 : utf8(0, loneSurrogate).length();
  }

  private char escaped() {
    if (at == text.length) {
      throw unexpected();
    }
    byte c = text[at++];
    return switch (c) {
      case '"', '\\', '/' -> (char) c;
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
      int digit = at < text.length ? Character.digit(text[at], 16) : -1;
      if (digit < 0) {
        throw unexpected();
      }
      value = 16 * value + digit;
    }
    return (char) value;
  }

  /**
   * Passes over the next value, checking that it is JSON. One loop for all levels of nesting, since
   * most of a tokenizer.json goes through it before anything is compiled.
   *
   * @param maxDepth how deep the value may nest
   * @param members gets the places of an object's names and values; not of those within its values
   */
  void skip(int maxDepth, @Nullable MemberPlaces members) {
    byte[] closing = new byte[maxDepth];
    int depth = 0;
    do {
      byte c = peek();
      if (c == '"') {
        skipString();
      } else if (c == '{' || c == '[') {
        at++;
        if (depth == maxDepth) {
          throw tooDeep();
        }
        closing[depth++] = (byte) (c + 2); // as ASCII has it
        if (peek() != c + 2) {
          if (c == '{') {
            skipName(depth == 1 ? members : null);
          }
          continue;
        }
      } else {
        skipScalar(c);
      }
      while (depth > 0 && peek() == closing[depth - 1]) {
        at++;
        depth--;
      }
      if (depth > 0) {
        expect(',');
        if (closing[depth - 1] == '}') {
          skipName(depth == 1 ? members : null);
        }
      }
    } while (depth > 0);
  }

  private void skipName(@Nullable MemberPlaces members) {
    peek();
    int name = at;
    skipString();
    expect(':');
    if (members != null) {
      peek();
      members.add(name, at);
    }
  }

  private void skipScalar(byte first) {
    switch (first) {
      case 't' -> word("true");
      case 'f' -> word("false");
      case 'n' -> word("null");
      default -> scanNumber();
    }
  }

  /**
   * A Long where the number is an integer that fits, a BigInteger where it does not, a Double where
   * it has a fraction or an exponent.
   */
  Number number() {
    peek();
    int start = at;
    boolean integer = scanNumber();
    if (at - start > MAX_NUMBER_CHARS) {
      throw malformed("a number of " + (at - start) + " characters");
    }
    if (integer && at - start <= MAX_LONG_CHARS) {
      return shortInteger(start);
    }
    String digits = utf8(start, at);
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
  private boolean scanNumber() {
    if (at < text.length && text[at] == '-') {
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
    while (at < text.length && text[at] >= '0' && text[at] <= '9') {
      at++;
    }
    if (at == start) {
      throw unexpected();
    }
  }

  private static Number fitting(BigInteger value) {
    return value.bitLength() < Long.SIZE ? (Number) value.longValue() : value;
  }

  private String utf8(int from, int to) {
    return new String(text, from, to - from, StandardCharsets.UTF_8);
  }

  MalformedTokenizerException tooDeep() {
    return malformed("nesting deeper than " + JsonReader.MAX_DEPTH);
  }

  /** A refusal of the character that stands here. */
  MalformedTokenizerException unexpected() {
    if (at >= text.length) {
      return malformed("the end of the file");
    }
    char c = JsonFile.decode(file, text).charAt(utf8(0, at).length());
    boolean printable = c > ' ' && c < 127;
    return malformed(printable ? "'" + c + "'" : "character U+" + Integer.toHexString(c));
  }

  /** A refusal of the file because of what stands here, or because it is not UTF-8 anywhere. */
  MalformedTokenizerException malformed(String found) {
    JsonFile.decode(file, text);
    String before = utf8(0, at);
    int line = 1 + (int) before.chars().filter(c -> c == '\n').count();
    int column = before.length() - before.lastIndexOf('\n');
    return new MalformedTokenizerException(
        file, "", "JSON", found + " (line " + line + ", column " + column + ")");
  }
}
