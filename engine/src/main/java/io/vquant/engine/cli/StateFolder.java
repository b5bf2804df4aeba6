package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;

/**
 * Where the chat's history is kept: {@code $VQUANT_STATE}, else {@code $XDG_STATE_HOME/vquant},
 * else {@code ~/.local/state/vquant}. What is made there is readable for this user alone.
 */
final class StateFolder {
  private StateFolder() {}

  /** The folder's name; it need not be there. */
  static Path path(Map<String, String> environment, Path home) {
    String chosen = environment.getOrDefault("VQUANT_STATE", "");
    if (!chosen.isEmpty()) {
      return Path.of(chosen).toAbsolutePath();
    }
    String xdg = environment.getOrDefault("XDG_STATE_HOME", "");
    Path base = xdg.startsWith("/") ? Path.of(xdg) : home.resolve(".local/state");
    return base.resolve("vquant");
  }

  /**
   * A file in the folder, made when it is not there, with permissions for this user alone.
   *
   * @throws IOException if it cannot be written
   */
  static Path privateFile(Map<String, String> environment, Path home, String name)
      throws IOException {
    Path folder;
    try {
      folder = path(environment, home);
    } catch (InvalidPathException e) {
      throw new IOException("not a folder name: " + e.getReason(), e);
    }
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder, permissions("rwx------"));
    }
    Path file = folder.resolve(name);
    if (Files.notExists(file)) {
      Files.createFile(file, permissions("rw-------"));
    }
    if (!Files.isRegularFile(file) || !Files.isWritable(file)) {
      throw new IOException(file + " is not a file that can be written");
    }
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    return file;
  }

  private static FileAttribute<Set<PosixFilePermission>> permissions(String text) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(text));
  }
}
