package io.vquant.engine.cli;

import java.nio.file.Path;
import java.util.Map;

/**
 * What a command may use of the process it runs in.
 *
 * @param environment the process's environment variables
 */
record CommandContext(Console console, Interruption interruption, Map<String, String> environment) {

  /** The folder for unpacked files, made when it is not there. */
  Path cacheFolder() {
    return CacheFolder.open(
        environment,
        Path.of(System.getProperty("user.home", "/")),
        Path.of(System.getProperty("java.io.tmpdir", "/tmp")),
        System.getProperty("user.name", "user"));
  }

  /** Where pulled models are; it need not be there. */
  Path modelsFolder() {
    return ModelsFolder.path(environment, Path.of(System.getProperty("user.home", "/")));
  }
}
