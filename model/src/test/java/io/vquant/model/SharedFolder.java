package io.vquant.model;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Recorded results and models beside the repository; tests skip only where they are absent. */
public final class SharedFolder {
  private SharedFolder() {}

  public static Path resolve(String name) {
    String root = System.getProperty("vquant.test.shared");
    assumeTrue(root != null && Files.isDirectory(Path.of(root)), "no shared test data");
    return Path.of(root).resolve(name);
  }
}
