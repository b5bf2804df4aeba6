package io.vquant.engine.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes model folders for tests: the bundled model, with whatever is to be wrong with it. */
final class ModelFolder {
  static final String WEIGHTS = "model.safetensors";
  private static final String RESOURCES = "/io/vquant/engine/bundled/vquant-tiny/";
  private final Path path;

  private ModelFolder(Path path) {
    this.path = path;
  }

  /** A folder with config.json and the tokenizer, without weights. */
  static ModelFolder withoutWeights(Path path) throws IOException {
    Files.createDirectories(path);
    ModelFolder folder = new ModelFolder(path);
    for (String name :
        new String[] {
          "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"
        }) {
      folder.write(name, resource(name));
    }
    return folder;
  }

  /** The whole model. */
  static ModelFolder complete(Path path) throws IOException {
    return withoutWeights(path).write(WEIGHTS, resource(WEIGHTS));
  }

  static byte[] resource(String name) throws IOException {
    try (InputStream stream = ModelFolder.class.getResourceAsStream(RESOURCES + name)) {
      return stream.readAllBytes();
    }
  }

  Path path() {
    return path;
  }

  Path file(String name) {
    return path.resolve(name);
  }

  @Override
  public String toString() {
    return path.toString();
  }

  ModelFolder write(String name, byte[] bytes) {
    try {
      Files.write(file(name), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  ModelFolder write(String name, String text) {
    return write(name, text.getBytes(StandardCharsets.UTF_8));
  }

  ModelFolder delete(String name) throws IOException {
    Files.delete(file(name));
    return this;
  }

  /** Replaces text in a file; it must be there. */
  ModelFolder replace(String name, String old, String replacement) throws IOException {
    String text = Files.readString(file(name));
    if (!text.contains(old)) {
      throw new IllegalArgumentException(name + " does not contain " + old);
    }
    return write(name, text.replace(old, replacement));
  }

  /** A safetensors file: length, header, data. */
  static byte[] safetensors(String header, int dataBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return withLength(json.length, json, dataBytes);
  }

  /** The same with any length field and any bytes for a header. */
  static byte[] withLength(long length, byte[] header, int dataBytes) {
    return ByteBuffer.allocate(8 + header.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(header)
        .array();
  }
}
