package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** A file that is there whole or not at all: written beside its place, then renamed. */
final class AtomicFile {
  private AtomicFile() {}

  /**
   * Reads a name as people type it: {@code ~/} is the user's folder.
   *
   * @throws CommandFailure if it is empty or cannot be a name
   */
  static Path named(String command, String name) {
    if (name.isEmpty()) {
      throw CommandFailure.badInput(command + ": expected a file name");
    }
    try {
      return name.startsWith("~/")
          ? Path.of(System.getProperty("user.home", "/")).resolve(name.substring(2))
          : Path.of(name);
    } catch (InvalidPathException e) {
      throw CommandFailure.badInput(
          command + " " + name + ": not a file name: " + e.getReason(), e);
    }
  }

  /**
   * Writes a file, replaced when it is there.
   *
   * @throws CommandFailure if it cannot be written; what was there is unchanged then
   */
  static void write(String command, Path file, byte[] content) {
    if (Files.isDirectory(file)) {
      throw CommandFailure.badInput(command + " " + file + ": a folder, expected a file");
    }
    Path part = file.resolveSibling(file.getFileName() + ".part" + ProcessHandle.current().pid());
    try {
      try (FileChannel channel =
          FileChannel.open(
              part,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      part.toFile().delete();
      throw CommandFailure.badInput(command + " " + file + ": cannot be written: " + e, e);
    }
  }
}
