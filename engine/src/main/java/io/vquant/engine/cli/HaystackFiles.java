package io.vquant.engine.cli;

import io.vquant.eval.needle.StoryText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Text to hide needles in. */
final class HaystackFiles {
  /** More than any tokenizer needs for a token of the made-up stories. */
  private static final int CHARS_PER_TOKEN = 8;

  private HaystackFiles() {}

  /**
   * Reads a file, or the {@code *.txt} files of a folder in the order of their names.
   *
   * @throws CommandFailure if there is no text in it
   */
  static String read(String name) {
    Path path;
    try {
      path = Path.of(name);
    } catch (InvalidPathException e) {
      throw CommandFailure.badInput("--haystack " + name + ": not a file name", e);
    }
    StringBuilder text = new StringBuilder();
    for (Path file : Files.isDirectory(path) ? textFiles(path) : List.of(path)) {
      text.append(InputText.ofDocument(file.toString(), InputStream.nullInputStream()))
          .append('\n');
      if (text.length() > InputText.MAX_BYTES) {
        throw CommandFailure.badInput(
            "--haystack " + name + ": longer than " + InputText.MAX_BYTES + " characters");
      }
    }
    if (text.toString().isBlank()) {
      throw CommandFailure.badInput("--haystack " + name + ": empty, expected text");
    }
    return text.toString();
  }

  private static List<Path> textFiles(Path folder) {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "*.txt")) {
      entries.forEach(files::add);
    } catch (IOException e) {
      throw CommandFailure.badInput("--haystack " + folder + ": cannot be read: " + e, e);
    }
    if (files.isEmpty()) {
      throw CommandFailure.badInput("--haystack " + folder + ": no *.txt files in this folder");
    }
    Collections.sort(files);
    return files;
  }

  /** Stories for a prompt of this many tokens. */
  static String stories(int tokens, long seed) {
    return StoryText.of((int) Math.min(InputText.MAX_BYTES, (long) tokens * CHARS_PER_TOKEN), seed);
  }
}
