package io.vquant.engine.launcher;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Looks for a Java that can run the engine: first where the user points ({@code VQUANT_JAVA_HOME},
 * {@code JAVA_HOME}), then in the folders where systems and tools install them.
 */
final class JavaFinder {
  private final List<Path> pointedAt;
  private final List<Path> foldersOfInstallations;
  private final String neededModule;

  /**
   * A search of the given places.
   *
   * @param pointedAt homes to prefer, in order
   * @param foldersOfInstallations folders whose children may be homes
   * @param neededModule the module that a found Java must have
   */
  JavaFinder(List<Path> pointedAt, List<Path> foldersOfInstallations, String neededModule) {
    this.pointedAt = pointedAt;
    this.foldersOfInstallations = foldersOfInstallations;
    this.neededModule = neededModule;
  }

  static JavaFinder ofThisMachine(String neededModule) {
    Map<String, String> environment = System.getenv();
    List<Path> pointedAt = new ArrayList<>();
    for (String variable : List.of("VQUANT_JAVA_HOME", "JAVA_HOME", "JDK_HOME")) {
      String value = environment.getOrDefault(variable, "");
      if (!value.isEmpty()) {
        pointedAt.add(Path.of(value));
      }
    }
    List<Path> folders = new ArrayList<>();
    for (String folder :
        List.of("/usr/lib/jvm", "/usr/lib64/jvm", "/usr/java", "/opt", "/opt/java", "/usr/local")) {
      folders.add(Path.of(folder));
    }
    Path user = Path.of(System.getProperty("user.home", "/"));
    for (String folder :
        List.of(
            ".sdkman/candidates/java",
            ".jdks",
            ".gradle/jdks",
            ".asdf/installs/java",
            ".local/share/mise/installs/java")) {
      folders.add(user.resolve(folder));
    }
    return new JavaFinder(pointedAt, folders, neededModule);
  }

  /**
   * The first pointed-at Java of version {@code oldest} or newer, else the oldest such Java of the
   * folders: the one nearest to what the engine was tested with.
   *
   * @return null when there is none
   */
  JavaInstallation find(int oldest) {
    for (Path home : pointedAt) {
      JavaInstallation java = JavaInstallation.read(home, neededModule);
      if (java != null && java.feature() >= oldest) {
        return java;
      }
    }
    JavaInstallation best = null;
    for (Path folder : foldersOfInstallations) {
      for (Path home : children(folder)) {
        JavaInstallation java = JavaInstallation.read(home, neededModule);
        if (java != null
            && java.feature() >= oldest
            && (best == null || java.feature() < best.feature())) {
          best = java;
        }
      }
    }
    return best;
  }

  private static List<Path> children(Path folder) {
    List<Path> homes = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        homes.add(entry);
      }
    } catch (IOException | RuntimeException e) {
      return List.of(); // a folder that is not there, or not ours to read, holds nothing for us
    }
    homes.sort(null);
    return homes;
  }
}
