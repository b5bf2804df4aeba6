package io.vquant.tokenizer;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Unpacks and loads the Rust library that DJL's jar brings, without DJL's own loader: that one
 * looks for GPUs, sets up logging and may download, all before the first token.
 *
 * <p>A file appears under its name when it is whole (by rename, so two processes may unpack at
 * once); one that does not load is replaced. Loading it again does nothing.
 */
final class NativeLibrary {
  private static final String FOLDER = "/native/lib/";
  private static final String RESOURCE = FOLDER + "linux-x86_64/cpu/libtokenizers.so";
  private static final String VERSION_RESOURCE = FOLDER + "tokenizers.properties";

  private NativeLibrary() {}

  /**
   * @throws NativeLibraryException if the library cannot be unpacked into {@code cacheDir} or
   *     loaded
   */
  static synchronized void load(Path cacheDir) {
    Path folder = cacheDir.toAbsolutePath();
    try {
      Path file = folder.resolve("libtokenizers-" + version() + ".so");
      if (Files.isRegularFile(file)) {
        try {
          link(file);
          return;
        } catch (UnsatisfiedLinkError damaged) {
          Files.delete(file); // or it is for another machine: ours takes its place
        }
      }
      unpack(file);
      link(file);
    } catch (IOException | UnsatisfiedLinkError e) {
      String reason = String.valueOf(e).replaceAll("\\p{Cntrl}+", " ");
      throw new NativeLibraryException(
          "the native tokenizer library cannot be loaded from " + cacheDir + ": " + reason, e);
    }
  }

  @SuppressWarnings("restricted") // the manifest of the jar allows it
  private static void link(Path file) {
    System.load(file.toString());
  }

  /** {@code version=0.21.0-0.38.0} */
  private static String version() throws IOException {
    try (InputStream stream = resource(VERSION_RESOURCE)) {
      String text = new String(stream.readAllBytes(), StandardCharsets.ISO_8859_1);
      return text.substring(text.indexOf('=') + 1).strip();
    }
  }

  private static void unpack(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    Path temporary = file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid());
    try {
      try (InputStream stream = resource(RESOURCE)) {
        Files.copy(stream, temporary, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static InputStream resource(String name) throws IOException {
    InputStream stream = NativeLibrary.class.getResourceAsStream(name);
    if (stream == null) {
      throw new FileNotFoundException("the class path has no " + name);
    }
    return stream;
  }
}
