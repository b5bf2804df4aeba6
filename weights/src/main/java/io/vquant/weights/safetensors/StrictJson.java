package io.vquant.weights.safetensors;

import static io.vquant.weights.MalformedCheckpointException.quoted;

import io.vquant.weights.MalformedCheckpointException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/**
 * A forward reader of one JSON document inside a file that trusts nothing: strict UTF-8, no
 * duplicate keys, no lone surrogates, whole numbers only, nothing behind the document. Every fault
 * is a {@link MalformedCheckpointException} at its byte.
 */
final class StrictJson implements AutoCloseable {
  /** The largest document taken, in bytes; the reference implementation's limit of a header. */
  static final int MAX_BYTES = 100_000_000;

  private static final int MAX_NESTING = 32;
  private static final int MAX_NUMBER_CHARS = 400;

  private final Path file;
  private final MemorySegment document;
  private final long documentOffset;
  private final JsonParser parser;

  /**
   * Starts before the first token.
   *
   * @param document at most {@link #MAX_BYTES}
   * @param documentOffset where the document starts in the file
   */
  StrictJson(Path file, MemorySegment document, long documentOffset) {
    this.file = file;
    this.document = document;
    this.documentOffset = documentOffset;
    this.parser =
        factory()
            .createParser(
                ObjectReadContext.empty(), new Utf8Reader(file, document, documentOffset));
  }

  private static JsonFactory factory() {
    return JsonFactory.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        // Names are seen once, so a symbol table gains nothing and could be attacked by collisions.
        .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(MAX_NESTING)
                .maxDocumentLength(MAX_BYTES)
                .maxNumberLength(MAX_NUMBER_CHARS)
                .maxStringLength(MAX_BYTES)
                .maxNameLength(MAX_BYTES)
                .build())
        .build();
  }

  /** Moves on and requires this token. */
  void next(JsonToken wanted, @Nullable String tensor, String expected) {
    advance();
    require(wanted, tensor, expected);
  }

  /** Whether the object goes on with another key; if so the parser stands at that key. */
  boolean nextKey() {
    return advance() == JsonToken.PROPERTY_NAME;
  }

  /** Whether the array goes on with another value; if so the parser stands at that value. */
  boolean nextElement() {
    return advance() != JsonToken.END_ARRAY;
  }

  /** The key at which the parser stands. */
  String key() {
    return tokenText();
  }

  /** The string that follows. */
  String nextString(@Nullable String tensor, String expected) {
    next(JsonToken.VALUE_STRING, tensor, expected);
    return wellFormed(tensor, tokenText());
  }

  /**
   * The whole number from 0 to 2^63 - 1 at which the parser stands.
   *
   * @param field the array in which it stands
   * @param index its place in that array
   */
  long wholeNumber(String tensor, String field, int index) {
    String digits = tokenText();
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT && !digits.startsWith("-")) {
      try {
        return Long.parseLong(digits);
      } catch (NumberFormatException tooLarge) {
        // Refused below, as all other numbers that are none of these.
      }
    }
    String expected = field + "[" + index + "] to be a whole number from 0 to 2^63 - 1";
    throw malformed(tensor, expected, found());
  }

  /** Passes over the value that follows, however deep within the limit of nesting. */
  void skipValue() {
    advance();
    try {
      parser.skipChildren();
    } catch (JacksonException fault) {
      throw malformed(fault);
    }
  }

  /** Requires that nothing but blanks follows. */
  void end() {
    if (advance() != null) {
      throw malformed(null, "nothing after the JSON document", found());
    }
  }

  /** A fault at the present token. */
  MalformedCheckpointException malformed(@Nullable String tensor, String expected, String found) {
    long chars = parser.currentTokenLocation().getCharOffset();
    return new MalformedCheckpointException(file, tensor, fileOffset(chars), expected, found);
  }

  private void require(JsonToken wanted, @Nullable String tensor, String expected) {
    if (parser.currentToken() != wanted) {
      throw malformed(tensor, expected, found());
    }
  }

  private @Nullable JsonToken advance() {
    try {
      return parser.nextToken();
    } catch (JacksonException fault) {
      throw malformed(fault);
    }
  }

  private String tokenText() {
    try {
      return parser.getString();
    } catch (JacksonException fault) {
      throw malformed(fault);
    }
  }

  private String found() {
    JsonToken token = parser.currentToken();
    return switch (token) {
      case null -> "the end of the document";
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING, PROPERTY_NAME -> "the string " + quoted(tokenText());
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "the number " + quoted(tokenText());
      default -> quoted(tokenText());
    };
  }

  /**
   * JSON can spell half a character as an escape, which could not be written back as UTF-8. The
   * parser refuses that in keys, but not in values.
   */
  private String wellFormed(@Nullable String tensor, String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        int codePoint = text.codePointAt(i);
        if (codePoint <= Character.MAX_VALUE) {
          throw malformed(tensor, "a string without lone surrogates", quoted(text));
        }
        i++;
      }
    }
    return text;
  }

  private MalformedCheckpointException malformed(JacksonException fault) {
    long chars = fault.getLocation() == null ? 0 : fault.getLocation().getCharOffset();
    String found = "a fault: " + fault.getOriginalMessage();
    return new MalformedCheckpointException(
        file, null, fileOffset(chars), "valid JSON without duplicate keys", found, fault);
  }

  private long fileOffset(long charOffset) {
    return documentOffset + Utf8Reader.byteOffset(document, Math.max(0, charOffset));
  }

  @Override
  public void close() {
    parser.close();
  }
}
