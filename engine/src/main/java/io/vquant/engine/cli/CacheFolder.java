package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/**
 * Where unpacked files are kept between runs: {@code $VQUANT_CACHE}, else {@code
 * $XDG_CACHE_HOME/vquant}, else {@code ~/.cache/vquant}; where that cannot be written, a folder of
 * this user's own in the system's temporary folder.
 */
final class CacheFolder {
  private CacheFolder() {}

  /**
   * The folder, made when it is not there.
   *
   * @throws CommandFailure if none can be written, or {@code $VQUANT_CACHE} names one that cannot
   */
  static Path open(Map<String, String> environment, Path home, Path temporary, String user) {
    String chosen = environment.getOrDefault("VQUANT_CACHE", "");
    if (!chosen.isEmpty()) {
      Path folder = Path.of(chosen).toAbsolutePath();
      if (!makeWritable(folder)) {
        throw CommandFailure.badInput(
            "VQUANT_CACHE=" + chosen + ": not a folder that can be written");
      }
      return folder;
    }
    String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
    Path base = xdg.startsWith("/") ? Path.of(xdg) : home.resolve(".cache");
    Path folder = base.resolve("vquant");
    if (makeWritable(folder)) {
      return folder;
    }
    return privateTemporary(folder, temporary.resolve("vquant-" + user));
  }

  private static boolean makeWritable(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException | RuntimeException e) {
      return false;
    }
    return Files.isWritable(folder);
  }

  /** Others may write to the temporary folder too: what is ours must be ours alone. */
  private static Path privateTemporary(Path refused, Path folder) {
    try {
      if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
        Files.createDirectory(
            folder,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
      boolean ours =
          Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
              && Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS)
                  .equals(Files.getOwner(Path.of("/proc/self")))
              && PosixFilePermissions.toString(
                      Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS))
                  .equals("rwx------");
      if (ours && Files.isWritable(folder)) {
        return folder;
      }
    } catch (IOException | RuntimeException e) {
      // reported below: the reason does not matter to what can be done about it
    }
    throw CommandFailure.badInput(
        "no folder to unpack files to: neither "
            + refused
            + " nor "
            + folder
            + " can be used; set VQUANT_CACHE to a folder that can be written");
  }
}
