package io.vquant.tokenizer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What {@code tokenizer_config.json} says, completed by {@code special_tokens_map.json}. Both may
 * be absent: then everything here is empty.
 *
 * @param file tokenizer_config.json, for messages; it need not exist
 * @param specialTokens by name ({@code bos_token}, {@code eos_token}, {@code unk_token}, {@code
 *     sep_token}, {@code pad_token}, {@code cls_token}, {@code mask_token}) those that are set
 * @param additionalSpecialTokens in the order of the file
 * @param addBosToken the flag of that name; a fact about the file: what is really added to raw text
 *     is up to the post-processor
 * @param addEosToken the same of the eos token
 * @param chatTemplate as it stands: a string, a list of named ones, or null
 */
public record TokenizerSettings(
    Path file,
    Map<String, String> specialTokens,
    List<String> additionalSpecialTokens,
    Optional<Boolean> addBosToken,
    Optional<Boolean> addEosToken,
    @Nullable Object chatTemplate) {
  private static final List<String> NAMES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  public TokenizerSettings {
    specialTokens = Collections.unmodifiableMap(new LinkedHashMap<>(specialTokens));
    additionalSpecialTokens = List.copyOf(additionalSpecialTokens);
  }

  /**
   * Reads the files in a model's folder.
   *
   * @throws MalformedTokenizerException if one is there and is not a JSON object, or a token in it
   *     is neither a string nor an object with {@code content}
   */
  public static TokenizerSettings read(Path modelDir) {
    Path config = modelDir.resolve("tokenizer_config.json");
    Path map = modelDir.resolve("special_tokens_map.json");
    Map<String, @Nullable Object> fields =
        Files.exists(config) ? JsonFile.readObject(config) : Map.of();
    Map<String, @Nullable Object> fallback =
        Files.exists(map) ? JsonFile.readObject(map) : Map.of();
    Map<String, String> special = new LinkedHashMap<>();
    for (String name : NAMES) {
      String content = content(config, name, fields.get(name));
      if (content == null) {
        content = content(map, name, fallback.get(name));
      }
      if (content != null) {
        special.put(name, content);
      }
    }
    return new TokenizerSettings(
        config,
        special,
        additional(config, fields.get("additional_special_tokens")),
        flag(config, "add_bos_token", fields.get("add_bos_token")),
        flag(config, "add_eos_token", fields.get("add_eos_token")),
        fields.get("chat_template"));
  }

  /** The text of a special token, such as {@code specialToken("eos_token")}. */
  public Optional<String> specialToken(String name) {
    return Optional.ofNullable(specialTokens.get(name));
  }

  private static @Nullable String content(Path file, String field, @Nullable Object value) {
    // no pattern switch here: its first use costs milliseconds of every start
    if (value == null || value instanceof String) {
      return (String) value;
    }
    if (value instanceof Map<?, ?> object && object.get("content") instanceof String text) {
      return text;
    }
    throw new MalformedTokenizerException(
        file, field, "a string, or an object with 'content'", value.toString());
  }

  private static List<String> additional(Path file, @Nullable Object value) {
    List<String> contents = new ArrayList<>();
    if (value instanceof List<?> list) {
      for (Object entry : list) {
        String content = content(file, "additional_special_tokens", entry);
        if (content != null) {
          contents.add(content);
        }
      }
    } else if (value != null) {
      throw new MalformedTokenizerException(
          file, "additional_special_tokens", "an array", value.toString());
    }
    return contents;
  }

  private static Optional<Boolean> flag(Path file, String field, @Nullable Object value) {
    if (value == null || value instanceof Boolean) {
      return Optional.ofNullable((Boolean) value);
    }
    throw new MalformedTokenizerException(file, field, "true or false", value.toString());
  }
}
