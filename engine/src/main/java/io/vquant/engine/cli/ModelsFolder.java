package io.vquant.engine.cli;

import io.vquant.engine.hub.ModelName;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Where pulled models are: {@code $VQUANT_MODELS}, else {@code $XDG_DATA_HOME/vquant/models}, else
 * {@code ~/.local/share/vquant/models}; below it {@code ORG/NAME}, and {@code ORG/NAME@REVISION}
 * for a revision other than main.
 */
final class ModelsFolder {
  private ModelsFolder() {}

  /**
   * The folder's name; it need not be there.
   *
   * @throws CommandFailure if the variable holds what cannot be a name
   */
  static Path path(Map<String, String> environment, Path home) {
    String chosen = environment.getOrDefault("VQUANT_MODELS", "");
    try {
      if (!chosen.isEmpty()) {
        return Path.of(chosen).toAbsolutePath();
      }
    } catch (InvalidPathException e) {
      throw CommandFailure.badInput(
          "VQUANT_MODELS=" + chosen + ": not a folder name: " + e.getReason(), e);
    }
    String xdg = environment.getOrDefault("XDG_DATA_HOME", "");
    Path base = xdg.startsWith("/") ? Path.of(xdg) : home.resolve(".local/share");
    return base.resolve("vquant").resolve("models");
  }

  /**
   * The folder of a model that was pulled.
   *
   * @throws CommandFailure if it was not; says how to
   */
  static Path pulled(CommandContext context, ModelName name) {
    Path folder = context.modelsFolder().resolve(name.folder());
    if (Files.isDirectory(folder)) {
      return folder;
    }
    throw CommandFailure.badModel(
        name
            + ": no such folder, and not among the pulled models in "
            + context.modelsFolder()
            + "; to fetch it: java -jar vquant-engine.jar pull "
            + name);
  }
}
