package io.vquant.engine.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;

/** SHA-256 of what a model's folder holds: tells models apart that look alike. */
public final class FileSums {
  private FileSums() {}

  /** Of configuration and weights; reads all of them. */
  public static String ofModel(Path modelDirectory) throws IOException {
    TreeSet<Path> files = new TreeSet<>(List.of(modelDirectory.resolve("config.json")));
    try (DirectoryStream<Path> weights =
        Files.newDirectoryStream(modelDirectory, "model*.safetensors*")) {
      weights.forEach(files::add);
    }
    return of(files);
  }

  /** Of the tokenizer. */
  public static String ofTokenizer(Path modelDirectory) throws IOException {
    Path file = modelDirectory.resolve("tokenizer.json");
    return Files.exists(file) ? of(List.of(file)) : "none";
  }

  private static String of(Iterable<Path> files) throws IOException {
    MessageDigest digest = sha256();
    byte[] buffer = new byte[1 << 20];
    for (Path file : files) {
      String header = file.getFileName() + "\0" + Files.size(file) + "\0";
      digest.update(header.getBytes(StandardCharsets.UTF_8));
      try (InputStream stream = Files.newInputStream(file)) {
        for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
          digest.update(buffer, 0, count);
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
