package io.vquant.engine.launcher;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder that holds a Java, described by the {@code release} file that every build has. */
final class JavaInstallation {
  private final Path home;
  private final int feature;

  private JavaInstallation(Path home, int feature) {
    this.home = home;
    this.feature = feature;
  }

  static JavaInstallation ofThisProcess() {
    return new JavaInstallation(
        Path.of(System.getProperty("java.home")), Runtime.version().feature());
  }

  /**
   * Reads {@code home}.
   *
   * @return null when it holds no Java for this machine, or one without the module
   */
  static JavaInstallation read(Path home, String neededModule) {
    String release;
    try {
      if (!Files.isExecutable(home.resolve("bin/java"))) {
        return null;
      }
      release =
          new String(Files.readAllBytes(home.resolve("release")), StandardCharsets.ISO_8859_1);
    } catch (IOException | RuntimeException e) {
      return null;
    }
    int feature = leadingNumber(value(release, "JAVA_VERSION"));
    String architecture = value(release, "OS_ARCH");
    String modules = value(release, "MODULES");
    boolean fits =
        architecture.isEmpty() || architecture.equals("x86_64") || architecture.equals("amd64");
    boolean complete =
        modules.isEmpty() || (" " + modules + " ").contains(" " + neededModule + " ");
    return fits && complete && feature > 0 ? new JavaInstallation(home, feature) : null;
  }

  Path executable() {
    return home.resolve("bin/java");
  }

  int feature() {
    return feature;
  }

  /** The value of {@code KEY="value"}, empty when absent. */
  private static String value(String release, String key) {
    String start = key + "=\"";
    int from = release.startsWith(start) ? 0 : release.indexOf("\n" + start) + 1;
    if (from == 0 && !release.startsWith(start)) {
      return "";
    }
    int valueStart = from + start.length();
    int end = release.indexOf('"', valueStart);
    return end < 0 ? "" : release.substring(valueStart, end);
  }

  /** 25 of {@code 25.0.3}, 27 of {@code 27-ea}, 1 of {@code 1.8.0}, 0 when there is no number. */
  private static int leadingNumber(String version) {
    int number = 0;
    for (int i = 0; i < version.length() && Character.isDigit(version.charAt(i)) && i < 4; i++) {
      number = 10 * number + Character.digit(version.charAt(i), 10);
    }
    return number;
  }
}
