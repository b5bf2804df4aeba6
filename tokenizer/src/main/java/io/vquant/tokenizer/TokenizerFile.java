package io.vquant.tokenizer;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the engine itself reads of a tokenizer.json; the library reads the rest.
 *
 * @param json the whole text, valid JSON in UTF-8, for the library
 * @param tokens vocabulary and added tokens
 * @param addedTokensInModel the contents of added tokens that the model's own vocabulary has too
 * @param decoder how ids become text
 */
record TokenizerFile(
    JsonText json,
    TokenTable tokens,
    List<AddedToken> addedTokens,
    Set<String> addedTokensInModel,
    DecoderTraits decoder) {

  Path file() {
    return json.file();
  }

  /**
   * @throws MalformedTokenizerException if it is missing, not JSON, or lacks what every
   *     tokenizer.json has
   */
  static TokenizerFile read(Path file) {
    JsonText json = new JsonText(file, JsonFile.readBytes(file));
    if (json.startsWith("version https://git-lfs")) {
      throw new MalformedTokenizerException(
          file, "", "JSON", "a Git-LFS pointer: fetch the real file");
    }
    JsonReader reader = json.reader(0);
    Reading reading = new Reading(json);
    reading.object(reader);
    reader.requireEnd();
    int lone = reader.loneSurrogate();
    if (lone >= 0) {
      throw new MalformedTokenizerException(
          file, "character " + lone, "Unicode text", "half a surrogate pair");
    }
    return reading.result();
  }

  /** The state of one pass over the file. */
  private static final class Reading {
    private final Path file;
    private final JsonText json;
    private final TokenTable tokens;
    private final List<AddedToken> addedTokens = new ArrayList<>();
    private DecoderTraits decoder = DecoderTraits.of(null);
    private boolean sawVocab;
    private boolean sawMerges;
    private String wordPartPrefix = "";

    Reading(JsonText json) {
      this.json = json;
      file = json.file();
      tokens = new TokenTable(json);
    }

    void object(JsonReader in) {
      require(in, "", JsonReader.Kind.OBJECT, "a JSON object");
      in.beginObject();
      for (String name = in.nextName(); name != null; name = in.nextName()) {
        switch (name) {
          case "added_tokens" -> addedTokens(in.value());
          case "decoder" -> decoder = DecoderTraits.of(in.value());
          case "model" -> model(in);
          case "post_processor" -> PostProcessorCheck.require(file, "post_processor", in.value());
          default -> in.skip();
        }
      }
    }

    private void model(JsonReader in) {
      require(in, "model", JsonReader.Kind.OBJECT, "an object");
      in.beginObject();
      for (String name = in.nextName(); name != null; name = in.nextName()) {
        sawMerges |= name.equals("merges");
        JsonReader.Kind kind = in.peek();
        if (name.equals("continuing_subword_prefix") && kind == JsonReader.Kind.STRING) {
          wordPartPrefix = in.string();
        } else if (!name.equals("vocab")) {
          in.skip();
        } else if (kind == JsonReader.Kind.ARRAY) {
          scoredVocabulary(in);
        } else {
          require(in, "model.vocab", JsonReader.Kind.OBJECT, "an object or an array");
          vocabulary(in);
        }
      }
    }

    /** {@code {token: id, ...}}: BPE, WordPiece, WordLevel. */
    private void vocabulary(JsonReader in) {
      sawVocab = true;
      MemberPlaces members = in.skipObject();
      for (int i = 0; i < members.count(); i++) {
        long id = json.number(members.value(i));
        if (id < 0) {
          id = unusualId(members.name(i), members.value(i));
        }
        tokens.putModelToken("model.vocab", id, members.name(i));
      }
    }

    private long unusualId(int name, int value) {
      Object id = json.reader(value).value();
      if (!(id instanceof Long number)) {
        String token = json.string(name);
        throw malformed("model.vocab['" + token + "']", "an id", kind(id));
      }
      return number;
    }

    /** {@code [[piece, score], ...]}, the id is the position: Unigram. */
    private void scoredVocabulary(JsonReader in) {
      sawVocab = true;
      in.beginArray();
      for (long id = 0; in.nextElement(); id++) {
        if (in.peek() != JsonReader.Kind.ARRAY) {
          throw malformed("model.vocab[" + id + "]", "[piece, score]", kind(in.value()));
        }
        in.beginArray();
        if (!in.nextElement() || in.peek() != JsonReader.Kind.STRING) {
          throw malformed("model.vocab[" + id + "]", "a piece", "none");
        }
        tokens.putModelToken("model.vocab", id, in.skipString());
        while (in.nextElement()) {
          in.skip();
        }
      }
    }

    private void require(JsonReader in, String field, JsonReader.Kind wanted, String expected) {
      JsonReader.Kind found = in.peek();
      if (found != wanted) {
        throw malformed(field, expected, found.description);
      }
    }

    private static String kind(@Nullable Object value) {
      if (value instanceof Long || value instanceof BigInteger) {
        return "an integer";
      } else if (value instanceof Double) {
        return "a fraction";
      } else if (value instanceof String) {
        return "a string";
      } else if (value instanceof Boolean) {
        return "a boolean";
      }
      return value == null ? "null" : value instanceof List<?> ? "an array" : "an object";
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

    TokenizerFile result() {
      if (!sawVocab) {
        throw malformed("model.vocab", "a vocabulary", "none");
      }
      if (sawMerges && !wordPartPrefix.isEmpty()) { // the library cuts it off merges unseen
        throw malformed("model.continuing_subword_prefix", "none in a BPE model", wordPartPrefix);
      }
      // after the vocabulary, whatever the order in the file
      Map<String, Integer> modelIds =
          tokens.modelIdsOf(addedTokens.stream().map(AddedToken::content).toList());
      for (int i = 0; i < addedTokens.size(); i++) {
        AddedToken added = addedTokens.get(i);
        String field = "added_tokens[" + i + "].id";
        Integer modelId = modelIds.get(added.content());
        if (modelId != null && modelId != added.id()) {
          throw malformed(
              field,
              "%d, the id of '%s' in model.vocab".formatted(modelId, added.content()),
              "" + added.id());
        }
        tokens.putAddedToken(field, added.id(), added.content());
      }
      if (tokens.count() == 0) {
        throw malformed("model.vocab", "at least one token", "none");
      }
      return new TokenizerFile(
          json, tokens, List.copyOf(addedTokens), Set.copyOf(modelIds.keySet()), decoder);
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
