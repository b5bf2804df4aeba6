package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A folder that takes whole files or none. */
record AttnMapFiles(String option, Path folder) {

  /**
   * Opens a folder, made when it is not there.
   *
   * @throws CommandFailure if it cannot be written
   */
  static AttnMapFiles in(String name) {
    String option = "--out " + name;
    try {
      Path folder = Path.of(name).toAbsolutePath();
      if (Files.exists(folder) && !Files.isDirectory(folder)) {
        throw CommandFailure.badInput(option + ": a file, expected a folder");
      }
      Files.createDirectories(folder);
      if (!Files.isWritable(folder)) {
        throw CommandFailure.badInput(option + ": cannot be written");
      }
      return new AttnMapFiles(option, folder);
    } catch (InvalidPathException e) {
      throw CommandFailure.badInput(option + ": not a folder name: " + e.getReason(), e);
    } catch (IOException e) {
      throw CommandFailure.badInput(option + ": cannot be made: " + e, e);
    }
  }

  /** Writes a file, replaced when it is there; it appears when it is complete. */
  void write(String name, byte[] content) {
    Path part = folder.resolve(name + ".part");
    try {
      Files.write(part, content);
      Files.move(part, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      part.toFile().delete();
      throw CommandFailure.badInput(option + ": " + name + " cannot be written: " + e, e);
    }
  }
}
