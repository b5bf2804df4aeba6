package io.vquant.engine.launcher;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;

/**
 * The engine's classes in the form that Java maps instead of loading (JEP 350, dynamic class-data
 * sharing archives): a third of a second less to the first token. The first {@code generate} that
 * ends well writes it to the cache folder; it belongs to one jar and one Java, which Java itself
 * checks again.
 */
final class ClassArchive {
  private static final String PREFIX = "classes-";
  private static final String SUFFIX = ".jsa";

  private final Path file;
  private Path written;

  private ClassArchive(Path file) {
    this.file = file;
  }

  /** The archive of the jar that runs, for the given Java. */
  static ClassArchive of(JavaInstallation java, Map<String, String> environment) {
    Path folder = cacheFolder(environment);
    File jar = new File(System.getProperty("java.class.path"));
    if (folder == null || !jar.isFile()) {
      return new ClassArchive(null);
    }
    long identity =
        31 * (31 * jar.getAbsolutePath().hashCode() + jar.length()) + jar.lastModified();
    String key = Long.toHexString(31 * identity + java.executable().toString().hashCode());
    return new ClassArchive(folder.resolve(PREFIX + key + SUFFIX));
  }

  /** The folder that {@code io.vquant.engine.cli.CacheFolder} made; null where there is none. */
  private static Path cacheFolder(Map<String, String> environment) {
    String chosen = environment.getOrDefault("VQUANT_CACHE", "");
    String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
    Path home = Path.of(System.getProperty("user.home", "/"));
    Path base = xdg.startsWith("/") ? Path.of(xdg) : home.resolve(".cache");
    Path folder = chosen.isEmpty() ? base.resolve("vquant") : Path.of(chosen).toAbsolutePath();
    return Files.isWritable(folder) ? folder : null;
  }

  /** Options that use the archive, or have one written where there is none and it is worth it. */
  List<String> options(String[] args) {
    if (file == null) {
      return List.of();
    }
    if (Files.isReadable(file)) {
      return List.of("-XX:SharedArchiveFile=" + file, "-Xshare:auto", "-Xlog:disable");
    }
    if (args.length == 0 || !args[0].equals("generate")) {
      return List.of();
    }
    written = file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid());
    return List.of("-XX:ArchiveClassesAtExit=" + written, "-Xlog:disable");
  }

  /** Takes a newly written archive into use, in place of those of other builds. */
  void keep(boolean endedWell) {
    if (written == null || !Files.exists(written)) {
      return;
    }
    try {
      if (!endedWell) {
        Files.delete(written);
        return;
      }
      try (DirectoryStream<Path> others =
          Files.newDirectoryStream(file.getParent(), PREFIX + "*" + SUFFIX)) {
        for (Path other : others) {
          Files.deleteIfExists(other);
        }
      }
      Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      written.toFile().delete(); // it only saves time
    }
  }
}
