package io.vquant.tokenizer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The JSON files beside a tokenizer, as plain Java values: null, Boolean, Long, BigInteger, Double,
 * String, List and Map in the order of the file (a name that comes twice keeps its last value, as
 * in Python).
 */
public final class JsonFile {
  /** Far above any real tokenizer.json (Gemma 3: 33 MB). */
  static final long MAX_BYTE_SIZE = 512L << 20;

  private JsonFile() {}

  /**
   * Reads a JSON object.
   *
   * @throws MalformedTokenizerException if the file is missing, unreadable, not JSON, or not an
   *     object
   */
  public static Map<String, @Nullable Object> readObject(Path file) {
    JsonReader reader = new JsonText(file, readBytes(file)).reader(0);
    JsonReader.Kind found = reader.peek();
    if (found != JsonReader.Kind.OBJECT) {
      throw new MalformedTokenizerException(file, "", "a JSON object", found.description);
    }
    @SuppressWarnings("unchecked") // what was peeked at says that it is an object
    Map<String, @Nullable Object> object = (Map<String, @Nullable Object>) reader.value();
    reader.requireEnd();
    return object;
  }

  /**
   * Reads a UTF-8 text file.
   *
   * @throws MalformedTokenizerException if it is missing, not a regular file, unreadable, too large
   *     or not UTF-8
   */
  public static String readText(Path file) {
    return decode(file, readBytes(file));
  }

  /** The text that a file's bytes are; refuses what is not UTF-8. */
  static String decode(Path file, byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedTokenizerException(file, "", "UTF-8 text", "bytes that are not UTF-8", e);
    }
  }

  /** A file's bytes, whatever they are; refuses as {@link #readText} otherwise. */
  static byte[] readBytes(Path file) {
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
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new MalformedTokenizerException(file, "", "a readable file", String.valueOf(e), e);
    }
  }
}
