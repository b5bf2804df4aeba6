package io.vquant.model.config;

import io.vquant.model.MalformedConfigException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** From a file to one JSON object, within bounds: 4 MiB, 64 levels, no duplicate names, UTF-8. */
public final class ConfigJson {
  /** Classifiers with thousands of labels reach some 100 KB. */
  static final int MAX_BYTES = 4 << 20;

  private static final int MAX_DEPTH = 64;
  private static final int MAX_NUMBER_CHARS = 100;
  private static final int MAX_NAME_CHARS = 1000;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER_CHARS)
                  .maxNameLength(MAX_NAME_CHARS)
                  .build())
          .build();

  private ConfigJson() {}

  /**
   * Reads a file.
   *
   * @throws MalformedConfigException if it is not there, cannot be read or is no bounded JSON
   *     object
   */
  public static ConfigFields read(Path file) {
    if (!Files.exists(file)) {
      throw new MalformedConfigException(file, null, "missing", "a JSON file");
    }
    if (!Files.isRegularFile(file)) {
      throw new MalformedConfigException(file, null, "no regular file", "a JSON file");
    }
    try (InputStream stream = Files.newInputStream(file)) {
      return parse(file, stream.readNBytes(MAX_BYTES + 1));
    } catch (IOException failure) {
      throw new MalformedConfigException(
          file, null, "unreadable (" + failure.getMessage() + ")", "a readable JSON file");
    }
  }

  /**
   * Reads bytes that stand for a file.
   *
   * @param file named in messages
   */
  public static ConfigFields parse(Path file, byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw new MalformedConfigException(
          file, null, "over " + MAX_BYTES + " bytes long", "at most " + MAX_BYTES);
    }
    String text = decode(file, bytes);
    if (text.isBlank()) {
      throw new MalformedConfigException(file, null, "empty", "a JSON object");
    }
    JsonNode root;
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
      root = JsonTree.read(parser);
    } catch (JacksonException failure) {
      throw new MalformedConfigException(
          file, null, "not valid JSON (" + reason(failure) + ")", "a JSON object");
    }
    if (!(root instanceof ObjectNode object)) {
      throw new MalformedConfigException(
          file,
          null,
          "a JSON " + root.getNodeType().name().toLowerCase(java.util.Locale.ROOT),
          "a JSON object");
    }
    return new ConfigFields(file, "", object);
  }

  private static String decode(Path file, byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException failure) {
      throw new MalformedConfigException(file, null, "not UTF-8", "a JSON object in UTF-8");
    }
  }

  private static String reason(JacksonException failure) {
    String message = failure.getOriginalMessage();
    String at =
        failure.getLocation() == null
            ? ""
            : ", line "
                + failure.getLocation().getLineNr()
                + " column "
                + failure.getLocation().getColumnNr();
    return (message.length() > 80 ? message.substring(0, 80) : message) + at;
  }
}
