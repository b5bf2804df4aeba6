package io.vquant.tokenizer;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Strict JSON (RFC 8259), pulled piece by piece. A tokenizer.json is a hundred thousand short
 * strings, read once by code that nobody has run before: plain loops over characters are compiled
 * soonest, and loading them needs few classes.
 *
 * <p>Every method skips white space first. What is not JSON, or nests deeper than {@link
 * #MAX_DEPTH}, is refused with its place.
 */
final class JsonReader {
  /**
   * Below the 128 of the Rust library, which ends the whole process when it meets more in some
   * places. Real files stay under 20.
   */
  static final int MAX_DEPTH = 100;

  /** Digits of a number; Java takes quadratic time to read them. */
  private static final int MAX_NUMBER_CHARS = 1000;

  /** The kinds of values. */
  enum Kind {
    OBJECT("an object"),
    ARRAY("an array"),
    STRING("a string"),
    NUMBER("a number"),
    BOOLEAN("a boolean"),
    NULL("null"),
    END("the end of the file");

    final String description;

    Kind(String description) {
      this.description = description;
    }
  }

  private final Path file;
  private final char[] text;
  private int at;
  private int depth;
  private boolean atFirst;

  /**
   * A reader at the beginning of {@code json}.
   *
   * @param file named in messages
   */
  JsonReader(Path file, String json) {
    this.file = file;
    this.text = json.toCharArray();
  }

  /** What comes next; its first character decides. */
  Kind peek() {
    skipSpace();
    if (at == text.length) {
      return Kind.END;
    }
    char c = text[at];
    if (c == '-' || isDigit(c)) {
      return Kind.NUMBER;
    }
    return switch (c) {
      case '{' -> Kind.OBJECT;
      case '[' -> Kind.ARRAY;
      case '"' -> Kind.STRING;
      case 't', 'f' -> Kind.BOOLEAN;
      case 'n' -> Kind.NULL;
      default -> throw unexpected();
    };
  }

  /** Enters an object; {@link #nextName} takes its parts and leaves it. */
  void beginObject() {
    begin('{');
  }

  /** Enters an array; {@link #nextElement} goes through it and leaves it. */
  void beginArray() {
    begin('[');
  }

  /** The name before the next value; null where the object ends. */
  @Nullable String nextName() {
    if (!next('}')) {
      return null;
    }
    String name = string();
    expect(':');
    return name;
  }

  /** Whether another value follows in the array; if none does, the array is left. */
  boolean nextElement() {
    return next(']');
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
    String digits = new String(text, start, at - start);
    if (!integer) {
      double value = Double.parseDouble(digits);
      if (Double.isInfinite(value)) {
        throw malformed("number out of range: " + digits);
      }
      return value;
    }
    return digits.length() <= 18 ? (Number) Long.valueOf(digits) : fitting(new BigInteger(digits));
  }

  /** The next value, whatever it is; of a name that comes twice the last counts, as in Python. */
  @Nullable Object value() {
    return switch (peek()) {
      case OBJECT -> {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        beginObject();
        for (String name = nextName(); name != null; name = nextName()) {
          object.put(name, value());
        }
        yield object;
      }
      case ARRAY -> {
        List<@Nullable Object> array = new ArrayList<>();
        beginArray();
        while (nextElement()) {
          array.add(value());
        }
        yield array;
      }
      case STRING -> string();
      case NUMBER -> number();
      case BOOLEAN -> {
        boolean value = text[at] == 't';
        word(value ? "true" : "false");
        yield value;
      }
      case NULL -> {
        word("null");
        yield null;
      }
      case END -> throw unexpected();
    };
  }

  /** Passes over the next value, checking that it is JSON. */
  void skip() {
    switch (peek()) {
      case OBJECT -> {
        beginObject();
        while (next('}')) {
          skipString();
          expect(':');
          skip();
        }
      }
      case ARRAY -> {
        beginArray();
        while (next(']')) {
          skip();
        }
      }
      case STRING -> skipString();
      case NUMBER -> scanNumber();
      case BOOLEAN, NULL -> value();
      case END -> throw unexpected();
    }
  }

  /** Refuses anything but white space after what was read. */
  void requireEnd() {
    skipSpace();
    if (at < text.length) {
      throw unexpected();
    }
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

  private void begin(char bracket) {
    expect(bracket);
    if (++depth > MAX_DEPTH) {
      throw malformed("nesting deeper than " + MAX_DEPTH);
    }
    atFirst = true;
  }

  private boolean next(char close) {
    skipSpace();
    if (at < text.length && text[at] == close) {
      at++;
      depth--;
      atFirst = false;
      return false;
    }
    if (!atFirst) {
      expect(',');
    }
    atFirst = false;
    return true;
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

  private void expect(char wanted) {
    skipSpace();
    if (at == text.length || text[at] != wanted) {
      throw unexpected();
    }
    at++;
  }

  private void word(String wanted) {
    for (int i = 0; i < wanted.length(); i++, at++) {
      if (at == text.length || text[at] != wanted.charAt(i)) {
        throw unexpected();
      }
    }
  }

  private void skipString() {
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
    while (at < text.length) {
      char c = text[at];
      if (c == '"') {
        at++;
        return string.toString();
      }
      if (c < ' ') {
        throw unexpected();
      }
      at++;
      string.append(c == '\\' ? escaped() : c);
    }
    throw unexpected();
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

  /** Passes over a number and says whether it is an integer. */
  private boolean scanNumber() {
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

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static Number fitting(BigInteger value) {
    return value.bitLength() < Long.SIZE ? (Number) value.longValue() : value;
  }

  private MalformedTokenizerException unexpected() {
    if (at >= text.length) {
      return malformed("the end of the file");
    }
    char c = text[at];
    boolean printable = c > ' ' && c < 127;
    return malformed(printable ? "'" + c + "'" : "character U+" + Integer.toHexString(c));
  }
}
