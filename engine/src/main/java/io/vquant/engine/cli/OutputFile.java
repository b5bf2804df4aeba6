package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A file that a command writes when it ends; looked at before it begins. */
final class OutputFile {
  private final String option;
  private final @Nullable Path path;

  private OutputFile(String option, @Nullable Path path) {
    this.option = option;
    this.path = path;
  }

  /**
   * A file that an option names.
   *
   * @param name null: there is none, and nothing is written
   * @throws CommandFailure if it cannot be a file in a folder that can be written
   */
  static OutputFile of(String option, @Nullable String name) {
    if (name == null) {
      return new OutputFile(option, null);
    }
    try {
      Path path = Path.of(name).toAbsolutePath();
      Path folder = path.getParent();
      if (folder == null || !Files.isDirectory(folder)) {
        throw CommandFailure.badInput(option + " " + name + ": no such folder");
      }
      if (Files.isDirectory(path)) {
        throw CommandFailure.badInput(option + " " + name + ": a folder, expected a file");
      }
      if (!Files.isWritable(Files.exists(path) ? path : folder)) {
        throw CommandFailure.badInput(option + " " + name + ": cannot be written");
      }
      return new OutputFile(option, path);
    } catch (InvalidPathException e) {
      throw CommandFailure.badInput(option + " " + name + ": not a file name: " + e.getReason(), e);
    }
  }

  /** Writes it, where there is one. */
  void write(String text) {
    write(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes it, where there is one. */
  void write(byte[] bytes) {
    if (path == null) {
      return;
    }
    try {
      Files.write(path, bytes);
    } catch (IOException e) {
      throw CommandFailure.badInput(option + " " + path + ": cannot be written: " + e, e);
    }
  }

  /** Whether there is a file to write. */
  boolean isGiven() {
    return path != null;
  }
}
