package io.vquant.tokenizer;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * What the engine itself reads of a tokenizer.json; the library reads the rest.
 *
 * @param json the whole text, for the library
 * @param modelTokens the model's own vocabulary, without added tokens
 * @param tokens vocabulary and added tokens
 * @param decoder how ids become text
 */
record TokenizerFile(
    Path file,
    String json,
    TokenTable modelTokens,
    TokenTable tokens,
    List<AddedToken> addedTokens,
    DecoderTraits decoder) {

  /**
   * @throws MalformedTokenizerException if it is missing, not JSON, or lacks what every
   *     tokenizer.json has
   */
  static TokenizerFile read(Path file, String json) {
    try (JsonParser parser = JsonFile.parser(json)) {
      Reading reading = new Reading(file);
      reading.object(parser);
      JsonFile.requireEnd(file, parser);
      int lone = WellFormedText.loneSurrogateEscape(json);
      if (lone >= 0) {
        throw new MalformedTokenizerException(
            file, "character " + lone, "Unicode text", "half a surrogate pair");
      }
      return reading.result(json);
    } catch (JacksonException e) {
      throw JsonFile.notJson(
          file,
          json.startsWith("version https://git-lfs")
              ? "a Git-LFS pointer: fetch the real file"
              : null,
          e);
    }
  }

  /** The state of one pass over the file. */
  private static final class Reading {
    private final Path file;
    private final TokenTable modelTokens;
    private final TokenTable tokens;
    private final List<AddedToken> addedTokens = new ArrayList<>();
    private DecoderTraits decoder = DecoderTraits.of(null);
    private boolean sawVocab;
    private boolean sawMerges;
    private String wordPartPrefix = "";

    Reading(Path file) {
      this.file = file;
      modelTokens = new TokenTable(file);
      tokens = new TokenTable(file);
    }

    void object(JsonParser parser) {
      JsonFile.requireToken(file, "", parser.nextToken(), JsonToken.START_OBJECT, "a JSON object");
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        parser.nextToken();
        switch (name) {
          case "added_tokens" -> addedTokens(JsonFile.value(parser));
          case "decoder" -> decoder = DecoderTraits.of(JsonFile.value(parser));
          case "model" -> model(parser);
          case "post_processor" ->
              PostProcessorCheck.require(file, "post_processor", JsonFile.value(parser));
          default -> parser.skipChildren();
        }
      }
    }

    private void model(JsonParser parser) {
      JsonFile.requireToken(
          file, "model", parser.currentToken(), JsonToken.START_OBJECT, "an object");
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        JsonToken value = parser.nextToken();
        sawMerges |= name.equals("merges");
        if (name.equals("continuing_subword_prefix") && value == JsonToken.VALUE_STRING) {
          wordPartPrefix = parser.getString();
        } else if (!name.equals("vocab")) {
          parser.skipChildren();
        } else if (value == JsonToken.START_ARRAY) {
          scoredVocabulary(parser);
        } else {
          JsonFile.requireToken(
              file, "model.vocab", value, JsonToken.START_OBJECT, "an object or an array");
          vocabulary(parser);
        }
      }
    }

    /** {@code {token: id, ...}}: BPE, WordPiece, WordLevel. */
    private void vocabulary(JsonParser parser) {
      sawVocab = true;
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String token = parser.currentName();
        if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT
            || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
          throw malformed(
              "model.vocab['" + token + "']", "an id", JsonFile.describe(parser.currentToken()));
        }
        putModelToken("model.vocab", parser.getLongValue(), token);
      }
    }

    /** {@code [[piece, score], ...]}, the id is the position: Unigram. */
    private void scoredVocabulary(JsonParser parser) {
      sawVocab = true;
      for (long id = 0; parser.nextToken() != JsonToken.END_ARRAY; id++) {
        String field = "model.vocab[" + id + "]";
        JsonFile.requireToken(
            file, field, parser.currentToken(), JsonToken.START_ARRAY, "[piece, score]");
        JsonFile.requireToken(file, field, parser.nextToken(), JsonToken.VALUE_STRING, "a piece");
        putModelToken(field, id, parser.getString());
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          parser.skipChildren();
        }
      }
    }

    private void putModelToken(String field, long id, String token) {
      modelTokens.put(field, id, token);
      tokens.put(field, id, token);
    }

    private void addedTokens(@Nullable Object value) {
      if (value == null) {
        return;
      }
      if (!(value instanceof List<?> list)) {
        throw malformed("added_tokens", "an array", describe(value));
      }
      for (Object entry : list) {
        String field = "added_tokens[" + addedTokens.size() + "]";
        if (!(entry instanceof Map<?, ?> fields)) {
          throw malformed(field, "an object", describe(entry));
        }
        Object id = fields.get("id");
        if (!(id instanceof Long number) || number < 0 || number >= TokenTable.MAX_IDS) {
          throw malformed(
              field + ".id", "an id from 0 to " + (TokenTable.MAX_IDS - 1), describe(id));
        }
        if (!(fields.get("content") instanceof String content)) {
          throw malformed(field + ".content", "a string", describe(fields.get("content")));
        }
        addedTokens.add(
            new AddedToken(number.intValue(), content, Boolean.TRUE.equals(fields.get("special"))));
      }
    }

    TokenizerFile result(String json) {
      if (!sawVocab) {
        throw malformed("model.vocab", "a vocabulary", "none");
      }
      if (sawMerges && !wordPartPrefix.isEmpty()) { // the library cuts it off merges unseen
        throw malformed("model.continuing_subword_prefix", "none in a BPE model", wordPartPrefix);
      }
      for (int i = 0;
          i < addedTokens.size();
          i++) { // after the vocabulary, whatever the order in the file
        AddedToken added = addedTokens.get(i);
        Integer modelId = modelTokens.id(added.content());
        if (modelId != null && modelId != added.id()) {
          throw malformed(
              "added_tokens[%d].id".formatted(i),
              "%d, the id of '%s' in model.vocab".formatted(modelId, added.content()),
              "" + added.id());
        }
        tokens.put("added_tokens[%d].id".formatted(i), added.id(), added.content());
      }
      if (tokens.count() == 0) {
        throw malformed("model.vocab", "at least one token", "none");
      }
      return new TokenizerFile(file, json, modelTokens, tokens, List.copyOf(addedTokens), decoder);
    }

    private MalformedTokenizerException malformed(String field, String expected, String found) {
      return new MalformedTokenizerException(file, field, expected, found);
    }

    private static String describe(@Nullable Object value) {
      return switch (value) {
        case null -> "nothing";
        case String s -> "'" + s + "'";
        case Long n -> n.toString();
        case BigInteger n -> n.toString();
        case List<?> _ -> "an array";
        case Map<?, ?> _ -> "an object";
        default -> value.toString();
      };
    }
  }
}
