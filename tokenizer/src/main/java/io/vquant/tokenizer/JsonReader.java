package io.vquant.tokenizer;

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

  private final JsonScanner scanner;
  private int depth;
  private boolean atFirst;

  /** A reader at the place where the scanner stands. */
  JsonReader(JsonScanner scanner) {
    this.scanner = scanner;
  }

  /** What comes next; its first character decides. */
  Kind peek() {
    if (scanner.atEnd()) {
      return Kind.END;
    }
    return switch (scanner.peek()) {
      case '{' -> Kind.OBJECT;
      case '[' -> Kind.ARRAY;
      case '"' -> Kind.STRING;
      case 't', 'f' -> Kind.BOOLEAN;
      case 'n' -> Kind.NULL;
      case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> Kind.NUMBER;
      default -> throw scanner.unexpected();
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
    scanner.expect(':');
    return name;
  }

  /** Whether another value follows in the array; if none does, the array is left. */
  boolean nextElement() {
    return next(']');
  }

  /** The next value, which is a string. */
  String string() {
    return scanner.string();
  }

  /** Passes over the next value, which is a string, and says at which byte it began. */
  int skipString() {
    scanner.peek();
    int place = scanner.at();
    scanner.skipString();
    return place;
  }

  /** The next value, which is a number: {@link JsonScanner#number}. */
  Number number() {
    return scanner.number();
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
        boolean value = scanner.peek() == 't';
        scanner.word(value ? "true" : "false");
        yield value;
      }
      case NULL -> {
        scanner.word("null");
        yield null;
      }
      case END -> throw scanner.unexpected();
    };
  }

  /** Passes over the next value, checking that it is JSON. */
  void skip() {
    scanner.skip(MAX_DEPTH - depth, null);
  }

  /** Passes over the next value, which is an object, and says where its members are. */
  MemberPlaces skipObject() {
    MemberPlaces members = new MemberPlaces();
    scanner.skip(MAX_DEPTH - depth, members);
    return members;
  }

  /** Refuses anything but white space after what was read. */
  void requireEnd() {
    if (!scanner.atEnd()) {
      throw scanner.unexpected();
    }
  }

  /** {@link JsonScanner#loneSurrogate}, of what was read or passed over. */
  int loneSurrogate() {
    return scanner.loneSurrogate();
  }

  /** A refusal of the file because of what stands here. */
  MalformedTokenizerException malformed(String found) {
    return scanner.malformed(found);
  }

  private void begin(char bracket) {
    scanner.expect(bracket);
    if (++depth > MAX_DEPTH) {
      throw scanner.tooDeep();
    }
    atFirst = true;
  }

  private boolean next(char close) {
    if (scanner.take(close)) {
      depth--;
      atFirst = false;
      return false;
    }
    if (!atFirst) {
      scanner.expect(',');
    }
    atFirst = false;
    return true;
  }
}
