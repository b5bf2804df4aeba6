package io.vquant.tokenizer;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;

/**
 * The JSON files beside a tokenizer, as plain Java values: null, Boolean, Long, BigInteger, Double,
 * String, List and Map in the order of the file (a name that comes twice keeps its last value, as
 * in Python). Written on the streaming parser: the first use of databind costs more start-up time
 * than the whole tokenizer.
 */
public final class JsonFile {
  /** Far above any real tokenizer.json (Gemma 3: 33 MB). */
  static final long MAX_BYTE_SIZE = 512L << 20;

  /**
   * Below the 128 of the Rust library, which ends the whole process when it meets more in some
   * places. Real files stay under 20.
   */
  private static final int MAX_DEPTH = 100;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
          .build();

  private JsonFile() {}

  /**
   * Reads a JSON object.
   *
   * @throws MalformedTokenizerException if the file is missing, unreadable, not JSON, or not an
   *     object
   */
  public static Map<String, @Nullable Object> readObject(Path file) {
    String text = readText(file);
    try (JsonParser parser = parser(text)) {
      requireToken(file, "", parser.nextToken(), JsonToken.START_OBJECT, "a JSON object");
      @SuppressWarnings("unchecked") // the token above says that it is an object
      Map<String, @Nullable Object> object = (Map<String, @Nullable Object>) value(parser);
      requireEnd(file, parser);
      return object;
    } catch (JacksonException e) {
      throw notJson(file, e);
    }
  }

  /**
   * Reads a UTF-8 text file.
   *
   * @throws MalformedTokenizerException if it is missing, not a regular file, unreadable, too large
   *     or not UTF-8
   */
  public static String readText(Path file) {
    if (!Files.isRegularFile(file)) {
      String found =
          Files.isDirectory(file)
              ? "a directory"
              : Files.exists(file) ? "something that is not a regular file" : "no such file";
      throw new MalformedTokenizerException(file, "", "a file", found);
    }
    try {
      long byteSize = Files.size(file);
      if (byteSize > MAX_BYTE_SIZE) {
        throw new MalformedTokenizerException(
            file, "", "at most " + MAX_BYTE_SIZE + " bytes", byteSize + " bytes");
      }
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new MalformedTokenizerException(file, "", "UTF-8 text", "bytes that are not UTF-8", e);
    } catch (IOException e) {
      throw new MalformedTokenizerException(file, "", "a readable file", String.valueOf(e), e);
    }
  }

  static JsonParser parser(String text) {
    return FACTORY.createParser(ObjectReadContext.empty(), text);
  }

  static JsonFactory factory() {
    return FACTORY;
  }

  static void requireToken(
      Path file, String field, @Nullable JsonToken found, JsonToken wanted, String expected) {
    if (found != wanted) {
      throw new MalformedTokenizerException(
          file, field, expected, found == null ? "the end of the file" : describe(found));
    }
  }

  static void requireEnd(Path file, JsonParser parser) {
    JsonToken more = parser.nextToken();
    if (more != null) {
      throw new MalformedTokenizerException(
          file, "", "one JSON object and nothing after it", describe(more));
    }
  }

  static MalformedTokenizerException notJson(Path file, JacksonException e) {
    return notJson(file, null, e);
  }

  /**
   * @param instead what the file is, where that is known
   */
  static MalformedTokenizerException notJson(
      Path file, @Nullable String instead, JacksonException e) {
    if (instead != null) {
      return new MalformedTokenizerException(file, "", "JSON", instead, e);
    }
    String place =
        e.getLocation() == null
            ? ""
            : " (line %d, column %d)"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    return new MalformedTokenizerException(file, "", "JSON", e.getOriginalMessage() + place, e);
  }

  /**
   * The value that starts at the current token; leaves the parser at its last token. Depth is
   * bounded by the parser's own limit.
   */
  static @Nullable Object value(JsonParser parser) {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          object.put(name, value(parser));
        }
        yield object;
      }
      case START_ARRAY -> {
        List<@Nullable Object> array = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          array.add(value(parser));
        }
        yield array;
      }
      case VALUE_STRING -> parser.getString();
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? parser.getBigIntegerValue()
              : (Object) parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> finite(parser);
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw new IllegalStateException("no value starts with " + parser.currentToken());
    };
  }

  private static double finite(JsonParser parser) {
    double number = parser.getDoubleValue();
    if (Double.isInfinite(number)) {
      throw new StreamReadException(parser, "number out of range: " + parser.getString());
    }
    return number;
  }

  static String describe(JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT -> "an integer";
      case VALUE_NUMBER_FLOAT -> "a fraction";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NULL -> "null";
      default -> token.toString();
    };
  }
}
