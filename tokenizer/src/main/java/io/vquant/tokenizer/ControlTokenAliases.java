package io.vquant.tokenizer;

import java.io.StringWriter;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/**
 * Gives every control token another text, which nobody can type, and rewrites a tokenizer.json so:
 * same ids, same flags, same everything else. In that tokenizer {@code <|im_end|>} is plain text,
 * and a caller writes the alias where it means the token.
 *
 * <p>Dropping the tokens instead would not do: a Unigram vocabulary holds them as pieces that typed
 * text would still match, and encoding the parts around a cut one by one would change what depends
 * on the position in the text (Metaspace with {@code prepend_scheme: first}). An alias is a line of
 * digits, which no normalizer changes or composes with its neighbours; 38 of them are drawn at
 * random per process, so that it cannot be typed on purpose. Results do not depend on the draw.
 */
final class ControlTokenAliases {
  private static final int RANDOM_DIGITS = 38;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxNestingDepth(JsonReader.MAX_DEPTH).build())
          .build();

  private final Map<String, String> aliasByContent = new HashMap<>();

  ControlTokenAliases(List<AddedToken> controlTokens) {
    SecureRandom random = new SecureRandom();
    StringBuilder prefix = new StringBuilder();
    for (int i = 0; i < RANDOM_DIGITS; i++) {
      prefix.append((char) ('0' + random.nextInt(10)));
    }
    for (AddedToken token : controlTokens) {
      aliasByContent.put(token.content(), "%s%08d".formatted(prefix, token.id()));
    }
  }

  String alias(AddedToken controlToken) {
    return aliasByContent.getOrDefault(controlToken.content(), controlToken.content());
  }

  /** The tokenizer.json with aliases for the texts of control tokens. */
  String rewrite(String json) {
    StringWriter out = new StringWriter(json.length() + 1024);
    try (JsonParser in = FACTORY.createParser(ObjectReadContext.empty(), json);
        JsonGenerator generator = FACTORY.createGenerator(ObjectWriteContext.empty(), out)) {
      in.nextToken();
      generator.writeStartObject();
      while (in.nextToken() != JsonToken.END_OBJECT) {
        String name = in.currentName();
        generator.writeName(name);
        in.nextToken();
        switch (name) {
          case "added_tokens" -> renameFields(in, generator, "content");
          case "model" -> model(in, generator);
          default -> copy(in, generator);
        }
      }
      generator.writeEndObject();
    }
    return out.toString();
  }

  private void model(JsonParser in, JsonGenerator out) {
    out.writeStartObject();
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String name = in.currentName();
      out.writeName(name);
      JsonToken value = in.nextToken();
      if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
        out.writeStartObject();
        while (in.nextToken() != JsonToken.END_OBJECT) {
          out.writeName(renamed(in.currentName()));
          in.nextToken();
          copy(in, out);
        }
        out.writeEndObject();
      } else if (name.equals("vocab")) {
        renameStrings(in, out);
      } else if (name.equals("unk_token") && value == JsonToken.VALUE_STRING) {
        out.writeString(renamed(in.getString()));
      } else if (name.equals("merges") && value == JsonToken.START_ARRAY) {
        merges(in, out);
      } else {
        copy(in, out);
      }
    }
    out.writeEndObject();
  }

  /**
   * Leaves out merges that make a control token or build on one: typed text would reach it by them.
   * Each is {@code "a b"} or {@code ["a", "b"]}.
   */
  private void merges(JsonParser in, JsonGenerator out) {
    out.writeStartArray();
    while (in.nextToken() != JsonToken.END_ARRAY) {
      boolean pair = in.currentToken() == JsonToken.START_ARRAY;
      String left;
      String right;
      if (pair) {
        left = in.nextStringValue();
        right = in.nextStringValue();
        in.nextToken();
      } else {
        String merge = in.getString();
        int space = merge.indexOf(' ');
        left = merge.substring(0, Math.max(space, 0));
        right = merge.substring(space + 1);
      }
      if (aliasByContent.containsKey(left + right)
          || aliasByContent.containsKey(left)
          || aliasByContent.containsKey(right)) {
        continue;
      }
      if (pair) {
        out.writeStartArray().writeString(left).writeString(right).writeEndArray();
      } else {
        out.writeString(left + " " + right);
      }
    }
    out.writeEndArray();
  }

  private void renameStrings(JsonParser in, JsonGenerator out) {
    walk(in, out, null, true);
  }

  private void renameFields(JsonParser in, JsonGenerator out, String field) {
    walk(in, out, field, false);
  }

  private void copy(JsonParser in, JsonGenerator out) {
    walk(in, out, null, false);
  }

  /**
   * Copies the value at the current token; numbers keep their digits.
   *
   * @param field rename the string values of this field
   * @param everyString rename every string value
   */
  private void walk(JsonParser in, JsonGenerator out, @Nullable String field, boolean everyString) {
    int depth = 0;
    String name = null;
    JsonToken token = in.currentToken();
    while (true) {
      switch (token) {
        case START_OBJECT -> out.writeStartObject();
        case START_ARRAY -> out.writeStartArray();
        case END_OBJECT -> out.writeEndObject();
        case END_ARRAY -> out.writeEndArray();
        case PROPERTY_NAME -> {
          name = in.currentName();
          out.writeName(name);
        }
        case VALUE_STRING ->
            out.writeString(
                everyString || (field != null && field.equals(name))
                    ? renamed(in.getString())
                    : in.getString());
        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> out.writeNumber(in.getString());
        case VALUE_TRUE -> out.writeBoolean(true);
        case VALUE_FALSE -> out.writeBoolean(false);
        case VALUE_NULL -> out.writeNull();
        default ->
            throw new IllegalStateException(
                "the text was valid JSON when it was first read, now " + token);
      }
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      if (depth == 0) {
        return;
      }
      token = in.nextToken();
    }
  }

  private String renamed(String text) {
    return aliasByContent.getOrDefault(text, text);
  }
}
