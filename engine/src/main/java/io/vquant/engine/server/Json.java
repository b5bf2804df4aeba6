package io.vquant.engine.server;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.json.JsonMapper;

/** JSON of requests, read strictly, and of answers. */
final class Json {
  /** Deeper nesting than this is refused; schemas of tools are the deepest there is. */
  static final int MAX_DEPTH = 64;

  private static final int MAX_NUMBER_CHARS = 100;
  private static final int MAX_NAME_CHARS = 1000;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxNumberLength(MAX_NUMBER_CHARS)
                          .maxNameLength(MAX_NAME_CHARS)
                          .maxStringLength(Integer.MAX_VALUE) // the body is bounded
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private Json() {}

  /**
   * Reads an object: UTF-8, no field twice, nothing after it.
   *
   * @throws ApiFailure if it is anything else; names the place
   */
  static Map<String, @Nullable Object> readObject(byte[] body) {
    String text = decode(body);
    try (JsonParser parser = MAPPER.createParser(text)) {
      return readObject(parser);
    } catch (JacksonException e) {
      throw ApiFailure.badBody("body: not JSON: " + e.getOriginalMessage());
    }
  }

  private static Map<String, @Nullable Object> readObject(JsonParser parser) {
    try {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw ApiFailure.badBody("body: expected a JSON object");
      }
      Map<?, ?> values = parser.readValueAs(Map.class);
      if (parser.nextToken() != null) {
        throw ApiFailure.badBody("body: expected nothing after the JSON object");
      }
      Map<String, @Nullable Object> object = new LinkedHashMap<>();
      values.forEach((name, value) -> object.put(String.valueOf(name), value));
      return object;
    } catch (JacksonException e) {
      String place = fieldOf(parser.streamReadContext().pathAsPointer().toString());
      String message = oneLine(e.getOriginalMessage());
      throw place.isEmpty()
          ? ApiFailure.badBody("body: not JSON: " + message)
          : ApiFailure.badField(place, message);
    }
  }

  /** {@code messages[0].content} for {@code /messages/0/content}. */
  private static String fieldOf(String pointer) {
    StringBuilder field = new StringBuilder();
    for (String part : pointer.split("/", MAX_DEPTH + 2)) {
      if (part.isEmpty()) {
        continue;
      }
      if (part.chars().allMatch(Character::isDigit)) {
        field.append('[').append(part).append(']');
      } else {
        field.append(field.isEmpty() ? "" : ".").append(part);
      }
    }
    return field.length() <= 200 ? field.toString() : field.substring(0, 200) + "...";
  }

  private static String oneLine(String text) {
    int end = text.indexOf('\n');
    String line = end < 0 ? text : text.substring(0, end);
    return line.length() <= 300 ? line : line.substring(0, 300) + "...";
  }

  private static String decode(byte[] body) {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(body);
    CharBuffer out = CharBuffer.allocate(body.length);
    CoderResult result = decoder.decode(in, out, true);
    try {
      if (result.isError()) {
        result.throwException();
      }
    } catch (CharacterCodingException e) {
      throw ApiFailure.badBody("body: byte " + in.position() + " is not UTF-8");
    }
    return out.flip().toString();
  }

  /** A value as JSON text on one line. */
  static String write(@Nullable Object value) {
    return MAPPER.writeValueAsString(value);
  }

  /**
   * Reads any value.
   *
   * @throws JacksonException if the text is not JSON
   */
  static @Nullable Object read(String text) {
    return MAPPER.readValue(text, Object.class);
  }
}
